//go:build tools

// Package flux pins the Flux controllers that the tests run.
package flux

import (
	_ "github.com/fluxcd/kustomize-controller"
	_ "github.com/fluxcd/source-controller"
)
