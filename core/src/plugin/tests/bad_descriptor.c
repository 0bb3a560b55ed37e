/* Copyright 2026 the Mesura authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A plugin in C whose descriptor is right but for what the build defines: one library for each mistake.
 */
#include <mesura/plugin_abi.h>

#include <string.h>

#ifndef TEST_NAME
#define TEST_NAME "c_plugin"
#endif
#ifndef TEST_SCHEMA
#define TEST_SCHEMA "plugin: c_plugin\nsummary: A plugin in C\nlinks: [{name: data}]\n"
#endif
#ifndef TEST_MAJOR
#define TEST_MAJOR MESURA_ABI_MAJOR
#endif
#ifndef TEST_MINOR
#define TEST_MINOR MESURA_ABI_MINOR
#endif
#ifndef TEST_SIZE
#define TEST_SIZE sizeof(mesura_plugin)
#endif
#ifndef TEST_SESSION_SIZE
#define TEST_SESSION_SIZE sizeof(mesura_session_api)
#endif
#ifndef TEST_SESSION
#define TEST_SESSION &session.base
#endif
#ifndef TEST_CREATE
#define TEST_CREATE create
#endif
#ifndef TEST_DESTROY
#define TEST_DESTROY destroy
#endif
#ifndef TEST_ON_OPEN
#define TEST_ON_OPEN on_open
#endif
#ifndef TEST_ON_BYTES
#define TEST_ON_BYTES on_bytes
#endif
#ifndef TEST_TWIN
#define TEST_TWIN NULL
#endif

const mesura_plugin* mesura_plugin_query(const mesura_host_info* host, mesura_error* error);

static char the_session;

static void* create(mesura_host* host, const mesura_host_api* api, const mesura_session_info* info,
                    mesura_error* error) {
  (void)host, (void)api, (void)info, (void)error;
  return &the_session;
}
static void destroy(void* self) { (void)self; }
static int32_t on_open(void* self, uint32_t link, int64_t now_ns, mesura_error* error) {
  (void)self, (void)link, (void)now_ns, (void)error;
  return 0;
}
static int32_t on_bytes(void* self, uint32_t link, mesura_bytes bytes, const mesura_meta* meta, mesura_error* error) {
  (void)self, (void)link, (void)bytes, (void)meta, (void)error;
  return 0;
}

/* What a later minor may have appended: a host of minor 0 must not look at it. */
static const struct {
  mesura_session_api base;
  void* younger[3];
} session = {{TEST_SESSION_SIZE, 0, TEST_CREATE, TEST_DESTROY, TEST_ON_OPEN, NULL, TEST_ON_BYTES, NULL, NULL},
             {&the_session, &the_session, &the_session}};

static const mesura_session_api no_functions = {
    sizeof(mesura_session_api), 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL};

static const mesura_plugin twin_without_functions = {
    sizeof(mesura_plugin), MESURA_ABI_MAJOR,        MESURA_ABI_MINOR, {TEST_NAME, sizeof(TEST_NAME) - 1},
    {"4.5.6", 5},          {"summary: twin\n", 14}, &no_functions,    NULL};

static const struct {
  mesura_plugin base;
  void* younger[2];
} plugin = {{TEST_SIZE,
             TEST_MAJOR,
             TEST_MINOR,
             {TEST_NAME, sizeof(TEST_NAME) - 1},
             {"4.5.6", 5},
             {TEST_SCHEMA, sizeof(TEST_SCHEMA) - 1},
             TEST_SESSION,
             TEST_TWIN},
            {&the_session, &the_session}};

MESURA_PLUGIN_EXPORT const mesura_plugin* mesura_plugin_query(const mesura_host_info* host, mesura_error* error) {
  (void)host, (void)error;
#ifdef TEST_REFUSAL
  memcpy(error->message, TEST_REFUSAL, sizeof(TEST_REFUSAL) - 1);
  error->size = sizeof(TEST_REFUSAL) - 1;
#endif
#ifdef TEST_NULL
  return NULL;
#else
  return &plugin.base;
#endif
}
