//go:build tools

// Package kustomize pins the program that the repo server of Argo CD calls.
package kustomize

import _ "sigs.k8s.io/kustomize/kustomize/v5"
