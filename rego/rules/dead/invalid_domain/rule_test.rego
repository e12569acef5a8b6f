package hauberk.rules.dead.invalid_domain_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.dead.invalid_domain

_found(domain) := found if {
	found := invalid_domain.violation with input as fixtures.with_rules([fixtures.domain(0, domain)])
}

test_bad_wildcard if {
	found := _found("*.example.org")
	some v in found
	count(found) == 1
	v.id == "HB214"
	v.pointer == "/spec/network/matchDNSQueries/0/domain"
	v.message == "*.example.org has a wildcard, which stands for itself: no query ever matches"
	v.hint == "write example.org: subdomains are covered"
}

test_bad_forms if {
	some url in _found("https://example.org/x")
	contains(url.message, "is a URL")
	some port in _found("example.org:443")
	contains(port.message, "names a port")
	some blank in _found("example org")
	contains(blank.message, "cannot have")
}

test_bad_for_kubearmor if {
	some upper in _found("Example.org")
	upper.model == "kubearmor"
	upper.hint == "write example.org"
	long := concat(".", [x | some _ in numbers.range(1, 8); x := "abcdefgh"])
	some v in _found(long)
	contains(v.message, "63 bytes")
	count(invalid_domain.violation) == 0 with input as fixtures.only(fixtures.with_rules([fixtures.domain(0, long)]), "hauberk")
}

test_good if {
	count(_found("api.example.org")) == 0
}

test_near_miss_forms if {
	every domain in ["example.org.", "_ldap._tcp.example.org", "xn--mnchen-3ya.de", "localhost", "1.example.org"] {
		count(_found(domain)) == 0
	}
}
