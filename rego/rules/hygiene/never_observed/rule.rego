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
	_read(rule.list)
	v := {
		"id": "HB704",
		"pointer": "/spec/file",
		"message": _message,
		"hint": _hint,
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

# KubeArmor does not read patterns at all (HB208).
_read(list) if list != "matchPatterns"

_read("matchPatterns") if not "kubearmor" in input.target

# Who may not open a file has no descriptor for ioctl and mmap; who may read it has.
_readers if {
	some rule in input.policy.rules
	_protects(rule)
	rule.readOnly
}

_message := $"{what} are not watched by KubeArmor: the file rules of this policy do not decide them" if {
	"kubearmor" in input.target
	what := _unwatched
} else := "xattr, ioctl and mmap are not decided by the file rules of this policy" if {
	_readers
} else := "xattr by path is not decided by the file rules of this policy"

_unwatched := "chown, xattr, ioctl and mmap" if {
	_readers
} else := "chown and xattr by path"

_hint := "for these use read-only mounts or a seccomp profile" if {
	input.policy.kind == "KubeArmorHostPolicy"
} else := "for these use read-only mounts, dropped capabilities (chown) or a seccomp profile"
