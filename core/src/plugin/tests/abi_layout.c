/* Copyright 2026 the Mesura authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * plugin_abi.h as C11. It includes nothing that a freestanding compiler lacks: the ILP32 test has no other headers.
 */
#include "abi_layout.h"

/* ISO C wants a declaration in every file. */
typedef mesura_plugin mesura_abi_layout_checked;
