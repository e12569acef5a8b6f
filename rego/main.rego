# METADATA
# title: Entry point of the built-in rules
# description: Collects what every rule says about the facts in input, as one array.
package hauberk

violations := [v |
	some category, name
	some v in data.hauberk.rules[category][name].violation
]
