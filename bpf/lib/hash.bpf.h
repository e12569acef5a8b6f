/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Keyed hashes of names and paths. Twin: enforcer/kernel/hashing.py.
 *
 * A name is hashed by two sums of products (NH, as in UMAC) with secret words for each place, so that no pair of
 * names collides for all secrets; the sums are then folded. Directories are folded from the root on, so that every
 * prefix of a path has a hash of its own.
 */
#ifndef HAUBERK_HASH_H
#define HAUBERK_HASH_H

static __always_inline __u64 mix(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * 0x9E3779B97F4A7C15ULL;
	return hash ^ (hash >> 29);
}

struct sums {
	__u64 first, second;
};

static __always_inline void add_word(struct sums *sums, __u32 place, __u64 word)
{
	__u64 first, second;

	place &= HBK_NAME_WORDS - 1;
	first = seed.first[place];
	second = seed.second[place];
	sums->first += (__u64)((__u32)word + (__u32)first) * ((__u32)(word >> 32) + (__u32)(first >> 32));
	sums->second += (__u64)((__u32)word + (__u32)second) * ((__u32)(word >> 32) + (__u32)(second >> 32));
}

static __always_inline __u64 fold(const struct sums *sums)
{
	return mix(mix(seed.start, sums->first), sums->second);
}

/* Key in a policy. */
static __always_inline __u64 key_of(__u64 what, __u32 domain, __u32 kind, __u64 source)
{
	return mix(mix(mix(seed.start, domain << 8 | kind), what), source);
}

#endif
