# METADATA
# title: invalid-domain
# description: |
#   A DNS domain that no query can equal: a wildcard, a URL, a port, or characters that host names do
#   not have. For KubeArmor also upper case and names of more than 63 bytes.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB214.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB214
#   severity: error
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: none
#   recommended_action: Write the plain domain in lower case; its subdomains are covered.
package hauberk.rules.dead.invalid_domain

import data.hauberk.lib.rules

violation contains v if {
	some rule in input.policy.rules
	rule.list == "matchDNSQueries"
	not rule.commaIgnored
	some value in rule.values
	text := value.text
	reason := _never(text)
	v := {
		"id": "HB214",
		"pointer": value.pointer,
		"message": $"{text} {reason}: no query ever matches",
		"hint": _hint(text),
	}
}

violation contains v if {
	"kubearmor" in input.target
	some rule in input.policy.rules
	rule.list == "matchDNSQueries"
	not rule.commaIgnored
	rules.decides(rule)
	some value in rule.values
	text := value.text
	not _never(text)
	reason := _not_by_kubearmor(text)
	v := {
		"id": "HB214",
		"model": "kubearmor",
		"pointer": value.pointer,
		"message": reason,
		"hint": _shorter(text),
	}
}

_never(text) := "has a wildcard, which stands for itself" if {
	contains(text, "*")
} else := "is a URL, not a domain" if {
	contains(text, "/")
} else := "names a port, which is no part of a query" if {
	regex.match(`:[0-9]+$`, text)
} else := "has characters that a host name cannot have" if {
	regex.match(`[^A-Za-z0-9._-]`, text)
}

_not_by_kubearmor(text) := $"KubeArmor sees 63 bytes of a name: {text} is longer and never matches" if {
	count(trim(text, ".")) > 63
} else := $"KubeArmor compares letter case: {text} does not match the small letters that programs ask with" if {
	lower(text) != text
}

_hint(text) := $"write {rest}: subdomains are covered" if {
	startswith(text, "*.")
	rest := trim_prefix(text, "*.")
	not _never(rest)
} else := "write the domain alone, e.g. example.org: subdomains are covered"

_shorter(text) := "write a parent domain: subdomains are covered" if {
	count(trim(text, ".")) > 63
} else := $"write {small}" if {
	small := lower(text)
}
