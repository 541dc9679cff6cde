# SPDX-License-Identifier: GPL-2.0-or-later
OUTPUT ?= $(CURDIR)
PROGRAMS := $(addprefix $(OUTPUT)/,$(TEST_GEN_PROGS))

all: $(PROGRAMS)

$(OUTPUT)/%: %.c
	$(CC) $(CFLAGS) $< -o $@ $(LDLIBS)

emit_tests:
	@for test in $(TEST_GEN_PROGS) $(TEST_PROGS); do echo "$(COLLECTION):$$test"; done

.PHONY: all emit_tests
