#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A script: the UML's root has the host's programs.
echo TAP version 13
echo 1..2
case $(uname -v) in *) echo ok 1 runs uname;; esac
if touch /usr/no-such-file 2>/dev/null; then echo not ok 2 host is read-only; else echo ok 2 host is read-only; fi
