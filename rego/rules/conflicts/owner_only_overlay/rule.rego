# METADATA
# title: owner-only-overlay
# description: |
#   ownerOnly of a file rule for containers. On files of the image KubeArmor lets only root pass, and only
#   on root's own files; on volumes and tmpfs it works.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB315.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB315
#   severity: warning
#   models: [kubearmor]
#   needs: none
#   fix: none
#   recommended_action: Use ownerOnly for files on volumes only, or separate users by other means.
package hauberk.rules.conflicts.owner_only_overlay

import data.hauberk.lib.rules
import data.hauberk.lib.text

violation contains v if {
	input.policy.kind in {"KubeArmorPolicy", "KubeArmorClusterPolicy"}
	owned := [rule |
		some rule in input.policy.rules
		rule.ownerOnly
		rule.section == "file"
		rule.list != "matchPatterns"
		rules.decides(rule)
		not _mounted(rule)
	]
	count(owned) > 0
	first := owned[0]
	subjects := text.listing([subject | some rule in owned; subject := rules.subject(rule)])
	v := {
		"id": "HB315",
		"pointer": $"{first.pointer}/ownerOnly",
		"message": $"on files of the image (overlayfs) KubeArmor lets ownerOnly pass only for root, and only on root's own files: {subjects}",
		"hint": _hint(owned),
	}
}

# The container runtime mounts these over the image.
_mounted(rule) if {
	every target in rule.targets {
		_mount(target.text)
	}
}

_mount(path) if path in {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf"}

_mount(path) if startswith(path, ["/proc/", "/sys/", "/dev/"][_])

# Without ownerOnly an Allow rule would open the file to everybody, and a readOnly rule its reading.
_hint(owned) := "keep it if these files are on a volume or tmpfs; otherwise separate users by file modes" if {
	some rule in owned
	_opens(rule)
} else := "keep it if these files are on a volume or tmpfs; otherwise remove ownerOnly"

_opens(rule) if rule.action == "Allow"

_opens(rule) if rule.readOnly
