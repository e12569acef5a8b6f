# METADATA
# title: never-observed
# description: |
#   File rules do not decide everything that can be done to a file. KubeArmor does not watch chown,
#   extended attributes, ioctl and mmap; hauberk watches chown, not the others.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB704.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB704
#   severity: info
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: none
#   recommended_action: Do not rely on file rules for these; drop capabilities and use read-only mounts.
package hauberk.rules.hygiene.never_observed

violation contains v if {
	some rule in input.policy.rules
	_protects(rule)
	v := {
		"id": "HB704",
		"pointer": "/spec/file",
		"message": _message,
		"hint": "for these use read-only mounts, dropped capabilities (chown) or a seccomp profile",
	}
}

_protects(rule) if {
	rule.section == "file"
	rule.action == "Block"
}

_protects(rule) if {
	rule.section == "file"
	rule.action == "Allow"
	rule.readOnly
}

_message := "chown, xattr, ioctl and mmap are not watched by KubeArmor: the file rules of this policy do not decide them" if {
	"kubearmor" in input.target
} else := "xattr, ioctl and mmap are not decided by the file rules of this policy"
