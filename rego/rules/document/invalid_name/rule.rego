# METADATA
# title: invalid-name
# description: |
#   metadata.name is missing, not text, or not a name that the API server takes: lower-case letters,
#   digits, `-` and `.`, beginning and ending with a letter or digit, at most 253 characters.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB106.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB106
#   severity: error
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: none
#   recommended_action: Give the policy a name of lower-case letters, digits, - and .
package hauberk.rules.document.invalid_name

violation contains v if {
	is_null(input.policy.name)
	not _no_metadata
	v := {
		"id": "HB106",
		"pointer": "/metadata/name",
		"message": "metadata.name is missing or not text",
		"hint": "give the policy a name, e.g. block-package-managers",
	}
}

violation contains v if {
	name := input.policy.name
	name != null
	not _valid(name)
	v := {
		"id": "HB106",
		"pointer": "/metadata/name",
		"message": $"{name} is not a valid name: lower-case letters, digits, - and ., at most 253, with a letter or digit at both ends",
		"hint": _hint(name),
	}
}

# HB104 says it: there is nothing a name could stand in.
_no_metadata if {
	some problem in input.problems
	problem.pointer == "/metadata"
}

_no_metadata if {
	some problem in input.problems
	problem.pointer == ""
	problem.detail.keyword == "required"
	problem.detail.name == "metadata"
}

_valid(name) if {
	count(name) <= 253
	regex.match(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`, name)
}

_hint(name) := $"write {better}" if {
	better := trim(replace(replace(lower(name), "_", "-"), " ", "-"), "-.")
	_valid(better)
} else := "choose another name"
