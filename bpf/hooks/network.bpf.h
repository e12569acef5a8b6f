/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* socket_create, socket_connect, socket_accept: by type and protocol, whatever the address family (semantics 4.1.1). */
#ifndef HAUBERK_NETWORK_H
#define HAUBERK_NETWORK_H

#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_SEQPACKET 5
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_SCTP 132

static __always_inline __u32 protocol_of(__u32 type, __u32 protocol)
{
	if (protocol)
		return protocol;
	switch (type) {
	case SOCK_STREAM:
		return IPPROTO_TCP;
	case SOCK_DGRAM:
		return IPPROTO_UDP;
	case SOCK_SEQPACKET:
		return IPPROTO_SCTP;
	}
	return 0;
}

static __noinline int use_socket(__u32 type, __u32 protocol, __u32 how)
{
	struct actor actor;
	int ret;

	if (!asked(&actor, &ret) || actor.label->standing == HBK_ENTERING)
		return ret;
	protocol = protocol_of(type, protocol);
	{
		struct request r = {
			.domain = HBK_NETWORK,
			.op = HBK_OP_NETWORK,
			.how = how,
			.number = protocol,
			.type = type,
			.source = actor.label->source,
			.slot = actor.label->slot,
		};

		return judge_scalar(&r);
	}
}

SEC("lsm/socket_create")
int BPF_PROG(hauberk_socket, int family, int type, int protocol, int kern, int ret)
{
	if (ret || kern)
		return ret;
	return use_socket(type, protocol, HBK_HOW_SOCKET);
}

static __always_inline int use_made(struct socket *socket, __u32 how)
{
	struct sock *sock = socket->sk;

	return sock ? use_socket(socket->type, sock->sk_protocol, how) : 0;
}

SEC("lsm/socket_connect")
int BPF_PROG(hauberk_connect, struct socket *sock, void *address, int length, int ret)
{
	return ret ? ret : use_made(sock, HBK_HOW_CONNECT);
}

SEC("lsm/socket_accept")
int BPF_PROG(hauberk_accept, struct socket *sock, struct socket *made, int ret)
{
	return ret ? ret : use_made(sock, HBK_HOW_ACCEPT);
}

#endif
