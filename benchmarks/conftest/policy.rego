# Twenty rules of the kind people write for conftest, so that both tools have work of the same order.
package main

import rego.v1

_lists := {"matchPaths", "matchDirectories", "matchPatterns", "matchProtocols", "matchDNSQueries", "matchCapabilities"}

_rules contains [section, list, rule] if {
	some section in {"process", "file", "network", "capabilities"}
	some list in _lists
	some rule in input.spec[section][list]
}

_action(rule, section) := object.get(rule, "action", object.get(input.spec[section], "action", object.get(input.spec, "action", "Block")))

deny contains "no metadata.name" if not input.metadata.name

deny contains "name is not RFC 1123" if not regex.match(`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`, input.metadata.name)

deny contains "unknown apiVersion" if input.apiVersion != "security.kubearmor.com/v1"

deny contains "no spec" if not input.spec

deny contains msg if {
	some field in object.keys(input.spec)
	not field in {"severity", "tags", "message", "selector", "nodeSelector", "apparmor", "process", "file", "network", "capabilities", "syscalls", "device", "presets", "action"}
	msg := sprintf("unknown field %s", [field])
}

deny contains msg if {
	some [section, _, rule] in _rules
	not _action(rule, section) in {"Allow", "Block", "Audit"}
	msg := sprintf("unknown action in %s", [section])
}

warn contains msg if {
	some [section, _, rule] in _rules
	rule.readOnly
	_action(rule, section) == "Block"
	msg := sprintf("Block with readOnly on %v", [rule])
}

warn contains msg if {
	some [section, _, rule] in _rules
	rule.ownerOnly
	_action(rule, section) == "Block"
	msg := sprintf("Block with ownerOnly on %v", [rule])
}

warn contains "pts: true has no effect" if {
	some [_, _, rule] in _rules
	rule.pts == true
}

warn contains msg if {
	some [_, _, rule] in _rules
	some prefix in {"/bin/", "/sbin/", "/lib/", "/var/run/"}
	startswith(object.get(rule, "path", object.get(rule, "dir", "")), prefix)
	msg := sprintf("%v is below a link", [rule])
}

deny contains msg if {
	some [_, _, rule] in _rules
	contains(rule.path, "*")
	msg := sprintf("glob in %s", [rule.path])
}

deny contains msg if {
	some [_, _, rule] in _rules
	contains(object.get(rule, "path", object.get(rule, "dir", "")), "//")
	msg := sprintf("%v is not canonical", [rule])
}

deny contains msg if {
	some [_, _, rule] in _rules
	count(rule.dir) > 64
	msg := sprintf("%s is too long", [rule.dir])
}

deny contains msg if {
	some [_, _, rule] in _rules
	some source in rule.fromSource
	not source.path
	msg := sprintf("source without path in %v", [rule])
}

deny contains msg if {
	some [_, "matchPatterns", rule] in _rules
	msg := sprintf("pattern %s is not enforced", [rule.pattern])
}

warn contains "no severity" if not input.spec.severity

warn contains "no tags" if not input.spec.tags

warn contains "empty selector" if count(object.get(input.spec, "selector", {})) == 0

warn contains "Allow on the root directory" if {
	some [section, _, rule] in _rules
	rule.dir == "/"
	rule.recursive
	_action(rule, section) == "Allow"
}

warn contains msg if {
	some [section, _, rule] in _rules
	some [again, _, other] in _rules
	again == section
	rule.path == other.path
	_action(rule, section) != _action(other, section)
	msg := sprintf("Allow and Block for %s", [rule.path])
}
