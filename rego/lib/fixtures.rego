# METADATA
# title: Facts for tests
# description: Builds complete facts documents from the little that a test wants to say.
# scope: package
package hauberk.lib.fixtures

_nowhere := {"written": false, "matchLabels": [], "expressions": []}

_policy := {
	"apiVersion": "security.kubearmor.com/v1",
	"kind": "KubeArmorPolicy",
	"name": "sample",
	"namespace": "shop",
	"action": "Block",
	"severity": 5,
	"tags": [],
	"apparmor": false,
	"selector": object.union(_nowhere, {
		"pointer": "/spec/selector",
		"written": true,
		"matchLabels": [label("selector", "app", "web")],
	}),
	"nodeSelector": object.union(_nowhere, {"pointer": "/spec/nodeSelector"}),
	"rules": [],
	"presets": [],
	"syscalls": [],
	"devices": [],
}

_facts := {
	"facts": 1,
	"subject": "policy",
	"file": "policies/sample.yaml",
	"target": ["kubearmor", "hauberk"],
	"problems": [],
	"policy": null,
	"duplicates": [],
	"relations": [],
	"workloads": [],
	"unreadable": [],
	"reach": [],
	"openAssets": [],
	"dropPlaces": [],
	"hides": [],
	"unopened": [],
	"parted": [],
	"apparmor": [],
	"ends": [],
	"inconclusive": [],
	"images": [],
	"namespaces": [],
	"repository": {"manifests": 0, "matched": 0, "sameNameCluster": []},
	"namespace": null,
	"suppressions": [],
	"exceptions": [],
}

# The whole document with some fields replaced.
facts(changes) := object.union(_facts, changes)

# A document about a policy, with some of the policy's fields replaced.
policy(changes) := facts({"policy": object.union(_policy, changes)})

with_rules(rules) := policy({"rules": rules})

# A host policy for one node.
host_policy(changes) := policy(object.union(
	{
		"kind": "KubeArmorHostPolicy",
		"namespace": null,
		"selector": {"written": false, "matchLabels": []},
		"nodeSelector": {"written": true, "matchLabels": [label("nodeSelector", "kubernetes.io/hostname", "node-1")]},
	},
	changes,
))

# The document with other fields at the top, e.g. {"target": ["hauberk"]}.
changed(value, changes) := object.union(value, changes)

only(document, model) := object.union(document, {"target": [model]})

problem(kind, pointer, message, detail) := {
	"kind": kind,
	"pointer": pointer,
	"message": message,
	"position": null,
	"detail": object.union(
		{"keyword": "", "name": "", "nearest": null, "text": null, "canonical": null, "severity": "error"},
		detail,
	),
}

position(line) := {"line": line, "column": 3, "endLine": line, "endColumn": 8}

place(policy_name, rule_id) := {"file": "policies/other.yaml", "line": 12, "policy": policy_name, "rule": rule_id}

label(selector, key, value) := {
	"key": key,
	"value": value,
	"pointer": $"/spec/{selector}/matchLabels/{token}",
} if {
	token := replace(replace(key, "~", "~0"), "/", "~1")
}

expression(index, key, operator, values) := {
	"pointer": pointer,
	"key": key,
	"operator": operator,
	"values": [value |
		some number, text in values
		at := $"{pointer}/values/{number}"
		value := {"text": text, "pointer": at}
	],
} if {
	pointer := $"/spec/selector/matchExpressions/{index}"
}

selector(labels, expressions) := {
	"selector": {"matchLabels": labels, "expressions": expressions, "pointer": "/spec/selector", "written": true},
}

name(field, text, pointer) := {
	"field": field,
	"text": text,
	"pointer": pointer,
	"canonical": text,
	"bytes": count(text),
	"components": count(parts),
	"name": _last(parts),
	"globs": [glob | some glob in ["*", "?", "[", "]", "{", "}"]; contains(text, glob)],
} if {
	parts := [part | some part in split(text, "/"); part != ""]
}

_last(parts) := parts[count(parts) - 1] if count(parts) > 0

_last([]) := ""

_domains := {"process": "process", "file": "file", "network": "network", "capabilities": "capabilities"}

rule(section, list, index) := {
	"id": $"{section}.{list}[{index}]",
	"pointer": $"/spec/{section}/{list}/{index}",
	"section": section,
	"list": list,
	"index": index,
	"domain": _domains[section],
	"targets": [],
	"values": [],
	"commaIgnored": false,
	"sources": [],
	"recursive": false,
	"readOnly": false,
	"ownerOnly": false,
	"pts": null,
	"allowedArgs": [],
	"action": "Block",
	"actionText": "Block",
	"actionLevel": "spec",
	"severity": 5,
}

_named(section, list, index, field, text) := object.union(base, {"targets": [name(field, text, $"{base.pointer}/{field}")]}) if {
	base := rule(section, list, index)
}

path(section, index, text) := _named(section, "matchPaths", index, "path", text)

execname(index, text) := _named("process", "matchPaths", index, "execname", text)

dir(section, index, text) := _named(section, "matchDirectories", index, "dir", text)

tree(section, index, text) := object.union(dir(section, index, text), {"recursive": true})

pattern(section, index, text) := _named(section, "matchPatterns", index, "pattern", text)

_valued(section, list, index, field, text) := object.union(base, {"values": [{
	"text": text,
	"pointer": $"{base.pointer}/{field}",
	"known": true,
	"nearest": null,
	"listed": false,
}]}) if {
	base := rule(section, list, index)
}

protocol(index, text) := _valued("network", "matchProtocols", index, "protocol", text)

domain(index, text) := object.union(_valued("network", "matchDNSQueries", index, "domain", text), {"domain": "dns"})

capability(index, text) := _valued("capabilities", "matchCapabilities", index, "capability", text)

# The rule with other fields in its first value, e.g. {"known": false}.
revalued(given, changes) := object.union(given, {"values": [object.union(given.values[0], changes)]})

# The rule whose first target has another canonical form than its text.
rewritten(given, canonical) := object.union(given, {"targets": [object.union(given.targets[0], {"canonical": canonical})]})

allow(given) := object.union(given, {"action": "Allow", "actionText": "Allow"})

audit(given) := object.union(given, {"action": "Audit", "actionText": "Audit"})

# The rule limited to sources; null stands for an entry without a path.
from(given, paths) := object.union(given, {"sources": [source |
	some index, text in paths
	source := {
		"pointer": $"{given.pointer}/fromSource/{index}",
		"path": _source_name(text, $"{given.pointer}/fromSource/{index}/path"),
	}
]})

_source_name(null, _) := null

_source_name(text, pointer) := name("path", text, pointer) if text != null

preset(index, text, action) := {
	"pointer": pointer,
	"name": {"text": text, "pointer": $"{pointer}/name", "known": true, "nearest": null, "listed": false},
	"action": action,
} if {
	pointer := $"/spec/presets/{index}"
}

# The document with an image that the workload of `workload` runs.
in_image(document, changes) := object.union(document, {
	"workloads": [workload({})],
	"images": [image(changes)],
})

image(changes) := object.union(
	{
		"image": "web",
		"complete": true,
		"workloads": ["Deployment/shop/web/web"],
		"names": [],
		"entrypoints": [],
		"loaders": [],
	},
	changes,
)

# What the image has at a path of the policy: a program, as long as nothing else is said.
image_name(pointer, text, changes) := object.union(
	{
		"pointer": pointer,
		"text": text,
		"resolved": text,
		"link": false,
		"multicall": false,
		"found": "file",
		"program": "elf",
		"interpreters": [],
	},
	changes,
)

# A container of the Deployment web in the namespace shop.
workload(changes) := object.union(
	{
		"name": "Deployment/shop/web/web",
		"from": "manifest",
		"namespace": "shop",
		"place": {"file": "deploy/web.yaml", "line": 1, "policy": "web", "rule": null},
		"hostPID": false,
		"initContainers": [],
		"ephemeralContainers": [],
		"kubearmorPolicy": null,
		"mapEntries": 20,
		"ownEntries": 10,
		"allowLists": [],
	},
	changes,
)

allow_list(domain_name, changes) := object.union(
	{
		"domain": domain_name,
		"posture": "block",
		"postureFrom": "annotation",
		"own": [],
		"everybody": true,
		"filelessPreset": true,
		"passes": [],
	},
	changes,
)

relation(type, given, other, changes) := object.union(
	{
		"type": type,
		"pointer": given.pointer,
		"rule": given.id,
		"other": other,
		"samePolicy": false,
		"access": null,
		"verdicts": {"hauberk": "denied", "kubearmor": "denied"},
		"orderMatters": false,
		"workload": "Deployment/shop/web/web",
	},
	changes,
)

namespace(changes) := facts({
	"subject": "namespace",
	"file": "deploy/namespace.yaml",
	"namespace": object.union({"name": "shop", "annotations": [], "allowDomains": []}, changes),
})

annotation(key, value) := {"key": key, "value": value, "pointer": $"/metadata/annotations/{key}"}
