/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names that some generations' headers leave to the C library, or give no prefix. */
#ifndef LKLTEST_INTERNAL_CONSTANTS_H
#define LKLTEST_INTERNAL_CONSTANTS_H

#ifndef LKLTEST_API
#error "this header is internal to lkltest: include <lkltest.h>"
#endif

#ifndef LKL_AF_UNSPEC
#define LKL_AF_UNSPEC 0
#endif
#ifndef LKL_AF_UNIX
#define LKL_AF_UNIX 1
#endif
#ifndef LKL_AF_INET
#define LKL_AF_INET 2
#endif
#ifndef LKL_AF_INET6
#define LKL_AF_INET6 10
#endif
#ifndef LKL_AF_NETLINK
#define LKL_AF_NETLINK 16
#endif
#ifndef LKL_AF_PACKET
#define LKL_AF_PACKET 17
#endif
#ifndef LKL_SOCK_STREAM
#define LKL_SOCK_STREAM 1
#endif
#ifndef LKL_SOCK_DGRAM
#define LKL_SOCK_DGRAM 2
#endif
#ifndef LKL_SOCK_RAW
#define LKL_SOCK_RAW 3
#endif
#ifndef LKL_SOCK_CLOEXEC
#define LKL_SOCK_CLOEXEC LKL_O_CLOEXEC
#endif
#ifndef LKL_SHUT_RD
#define LKL_SHUT_RD 0
#endif
#ifndef LKL_SHUT_WR
#define LKL_SHUT_WR 1
#endif
#ifndef LKL_SHUT_RDWR
#define LKL_SHUT_RDWR 2
#endif
#ifndef LKL_MSG_PEEK
#define LKL_MSG_PEEK 0x2
#endif
#ifndef LKL_MSG_TRUNC
#define LKL_MSG_TRUNC 0x20
#endif
#ifndef LKL_MSG_DONTWAIT
#define LKL_MSG_DONTWAIT 0x40
#endif
#ifndef LKL_MSG_WAITALL
#define LKL_MSG_WAITALL 0x100
#endif
#ifndef LKL_MSG_NOSIGNAL
#define LKL_MSG_NOSIGNAL 0x4000
#endif

/* Members by the kernel's macros, whose plain names the C library defines otherwise. */
#ifndef lkl_ifr_name
#define lkl_ifr_name ifr_ifrn.ifrn_name
#endif
#ifndef lkl_ifr_flags
#define lkl_ifr_flags ifr_ifru.ifru_flags
#endif
#ifndef lkl_ifr_addr
#define lkl_ifr_addr ifr_ifru.ifru_addr
#endif
#ifndef lkl_ifr_ifindex
#define lkl_ifr_ifindex ifr_ifru.ifru_ivalue
#endif
#ifndef lkl_ifr_mtu
#define lkl_ifr_mtu ifr_ifru.ifru_mtu
#endif
#ifndef lkl_s6_addr
#define lkl_s6_addr in6_u.u6_addr8
#endif

#endif
