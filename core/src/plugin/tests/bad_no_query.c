/* Copyright 2026 the Mesura authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A library like any other: no plugin.
 */
int mesura_test_answer(void);

__attribute__((visibility("default"))) int mesura_test_answer(void) { return 42; }
