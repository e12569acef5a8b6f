# METADATA
# title: Words
# description: Phrases that many messages need.
# scope: package
package hauberk.lib.text

# "a", "a and b", "a, b and c"; of more than three "a, b and 5 more".
listing(items) := "" if count(items) == 0

listing(items) := items[0] if count(items) == 1

listing(items) := $"{most} and {last}" if {
	count(items) in {2, 3}
	most := concat(", ", array.slice(items, 0, count(items) - 1))
	last := items[count(items) - 1]
}

listing(items) := $"{some_items} and {others} more" if {
	count(items) > 3
	some_items := concat(", ", array.slice(items, 0, 2))
	others := count(items) - 2
}

# "1 rule", "2 rules".
counted(number, word) := $"{number} {word}" if number == 1

counted(number, word) := $"{number} {word}s" if number != 1

# The ending of a verb after that many: "1 rule names", "2 rules name".
verb_ending(number) := "s" if number == 1

verb_ending(number) := "" if number != 1
