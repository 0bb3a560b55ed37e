/* Copyright 2026 the Mesura authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Linked with a library that is not where the dynamic linker looks.
 */
#include <mesura/plugin_abi.h>

int mesura_test_answer(void);
const mesura_plugin* mesura_plugin_query(const mesura_host_info* host, mesura_error* error);

MESURA_PLUGIN_EXPORT const mesura_plugin* mesura_plugin_query(const mesura_host_info* host, mesura_error* error) {
  (void)host, (void)error;
  return mesura_test_answer() != 0 ? NULL : NULL;
}
