# METADATA
# title: symlinked-path
# description: |
#   A path that leads through a link. Without the workload's image these are the well-known ones: /bin,
#   /sbin and /lib on usr-merged images, /var/run, /proc/self, /dev/stdout, files of a service account.
#   With it (--image) they are those of the image, and the finding is an error. The kernel compares the
#   path behind the link, so the rule does not match.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB211.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB211
#   severity: warning
#   models: [kubearmor, hauberk]
#   needs: image
#   fix: safe
#   recommended_action: Write the path behind the link; where images differ, write both.
package hauberk.rules.dead.symlinked_path

import data.hauberk.lib.images
import data.hauberk.lib.links
import data.hauberk.lib.text

violation contains v if {
	some group in {item.group | some item in _items}
	members := [item | some item in _items; item.group == group]
	some finding in _findings(members)
	v := object.union(finding, _model(group))
}

violation contains v if {
	some item in array.concat(_linked_targets, _linked_sources)
	first := item.links[0]
	text := item.name.text
	image := first.image
	to := first.resolved
	v := object.union_n([
		{
			"id": "HB211",
			"severity": "error",
			"pointer": item.name.pointer,
			"message": $"{text} leads through a link in the image {image}: the kernel sees {to}, so it does not match",
			"hint": _exact_hint(item.links),
		},
		_model(item),
		_fix(item),
	])
}

_linked_targets := [item |
	some rule in input.policy.rules
	some target in rule.targets
	links_there := _links(target.pointer)
	not [rule.section, rule.list, rule.action, links_there[0].resolved] in _written
	item := {"name": target, "links": links_there, "hauberk": rule.action == "Audit"}
	_for_a_target(item)
]

_linked_sources := [item |
	some rule in input.policy.rules
	some source in rule.sources
	links_there := _links(source.path.pointer)
	not links_there[0].resolved in {other.path.text | some other in rule.sources}
	item := {"name": source.path, "links": links_there, "hauberk": false}
]

# What the images that have a link there say; undefined where none has.
_links(pointer) := found if {
	found := [item | some item in images.at(pointer); item.link]
	count(found) > 0
}

_exact_hint(found) := $"write {to}; the rule then holds for all that is called through it, as no rule can tell that apart" if {
	some item in found
	item.multicall
	to := item.resolved
} else := $"write {all}: the images differ" if {
	count({item.resolved | some item in found}) > 1
	all := concat(" and ", sort({item.resolved | some item in found}))
} else := $"write {to}" if {
	to := found[0].resolved
}

# All images that say something about the path say this.
_fix(item) := {"fix": {
	"safety": _safety,
	"edits": [{"op": "replace", "pointer": item.name.pointer, "value": item.links[0].resolved}],
}} if {
	not _multicall(item.links)
	{one.resolved | some one in images.at(item.name.pointer)} == {item.links[0].resolved}
} else := {}

_multicall(found) if {
	some item in found
	item.multicall
}

_safety := "safe" if {
	images.complete
} else := "unsafe"

# An image that was given knows better what its folders are than the list of usual links.
_told(name, link) if {
	link.kind in {"merged", "x11", "run", "lock"}
	count(images.at(name.pointer)) > 0
}

_items := array.concat(_targets, _sources)

_targets := [item |
	some rule in input.policy.rules
	some target in rule.targets
	target.field in {"path", "dir"}
	link := links.link(target, rule.recursive)
	not _told(target, link)
	item := _item(target, link, rule)
	_for_a_target(item.group)
	not [rule.section, rule.list, rule.action, link.to] in _written
]

_sources := [item |
	some rule in input.policy.rules
	some source in rule.sources
	link := links.link(source.path, false)
	not _told(source.path, link)
	found := _item(source.path, link, rule)
	not link.to in {other.path.text | some other in rule.sources}
	item := object.union(found, {"group": object.union(found.group, {"hauberk": false})})
]

_for_a_target(group) if not group.hauberk

_for_a_target(_) if "hauberk" in input.target

# KubeArmor compares the target of an Audit rule with what the program asked for, which may be the link.
_hauberk_alone(rule, _, _) if rule.action == "Audit"

# It looks for the next slash in the first 64 bytes only, and that of a file in the dated folder stands behind.
_hauberk_alone(_, name, link) if {
	link.kind == "projected"
	name.field == "dir"
}

_model(group) := {"model": "hauberk"} if group.hauberk

_model(group) := {} if not group.hauberk

# A rule beside the one in question that names the path behind the link: both kinds of image are served.
_written := {[rule.section, rule.list, rule.action, target.text] |
	some rule in input.policy.rules
	some target in rule.targets
}

_item(name, link, rule) := {
	"group": {"list": $"{rule.section}.{rule.list}", "kind": link.kind, "hauberk": hauberk},
	"pointer": name.pointer,
	"text": name.text,
	"to": link.to,
	"folder": name.field == "dir",
} if {
	hauberk := count([true | _hauberk_alone(rule, name, link)]) > 0
}

_few := 3

_findings(members) := [finding] if {
	count(members) > _few
	first := members[0]
	where := _where(first.group.kind)
	number := count(members)
	list := first.group.list
	examples := text.listing(sort({member | some item in members; member := item.text}))
	to := first.to
	example := first.text
	places := $"{_place}s"
	finding := {
		"id": "HB211",
		"pointer": first.pointer,
		"message": $"{where} the kernel never sees {number} paths of {list}, so they do not match: {examples}",
		"hint": $"write the path behind the link, e.g. {to} for {example}; where {places} differ, write both",
	}
} else := [finding |
	some item in members
	finding := {
		"id": "HB211",
		"pointer": item.pointer,
		"message": _message(item),
		"hint": _hint(item),
	}
]

# What the links are in.
_place := "host" if input.policy.kind == "KubeArmorHostPolicy"

_place := "image" if input.policy.kind != "KubeArmorHostPolicy"

_where(kind) := replace(_phrases[kind], "image", _place)

_phrases := {
	"merged": "on a usr-merged image (/bin, /sbin, /lib are links)",
	"x11": "where /usr/bin/X11 is a link (Debian)",
	"run": "where /var/run is a link to /run (most images)",
	"lock": "where /var/lock is a link to /run/lock (most images)",
	"proc": "as /proc/self is a link,",
	"descriptor": "as it is a link to an open descriptor,",
	"mtab": "as it is a link (most images),",
	"projected": "as service account files are links into a folder that changes its name,",
}

_message(item) := $"files of {text} are links into a folder below it, which this rule, not being recursive, does not cover" if {
	item.group.kind == "projected"
	item.folder
	text := item.text
} else := $"{where} the kernel never sees {text}, so it does not match" if {
	where := _where(item.group.kind)
	text := item.text
}

_hint(item) := $"write dir: {to} with recursive: true" if {
	item.folder
	to := item.to
	to == "/run/secrets/kubernetes.io/serviceaccount/"
} else := $"write {to}; where {_place}s differ, write both" if {
	item.group.kind in {"merged", "x11", "run", "lock"}
	to := item.to
} else := "write dir: /run/secrets/kubernetes.io/serviceaccount/ with recursive: true" if {
	item.group.kind == "projected"
} else := "write dir: /proc/ with recursive: true, or use the presets protectEnv and protectProc" if {
	item.group.kind == "proc"
} else := "remove it: no fixed path names this file"
