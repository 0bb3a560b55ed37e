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
#define C_SCHEMA(plugin) \
  "plugin: " plugin "\nversion: 4.5.6\nsummary: A plugin in C\nlinks: [{name: data, transports: [tcp]}]\n"
#define C_FULL_SCHEMA                                                                                       \
  C_SCHEMA("c_plugin")                                                                                      \
  "stale_after: 90s\n"                                                                                      \
  "roles: {total: grid}\n"                                                                                  \
  "options:\n"                                                                                              \
  "  dialect: {type: enum, values: [a, b], default: a, help: the variant}\n"                                \
  "  interval: {type: duration, min: 1s, max: 1h, default: 10s, help: between two readings}\n"              \
  "  address: {type: integer, min: 1, required: true, help: on the bus}\n"                                  \
  "  buffer: {type: size, max: 64KiB, help: of the device}\n"                                               \
  "quantities:\n"                                                                                           \
  "  lid_open: {kind: state, text: true, channels: [total], help: whether the lid is open}\n"               \
  "commands:\n"                                                                                             \
  "  beep: {danger: read, help: Sounds the beeper, arguments: {times: {type: integer, default: 1, max: 9, " \
  "help: how often}}}\n"
#define C_TWIN_SCHEMA                                                                                            \
  "plugin: c_plugin\nversion: 4.5.6\nsummary: Plays the plugin in C\nlinks: [{name: data, transports: [tcp]}]\n" \
  "options: {seed: {type: integer, default: 1, help: of chance}}\n"
#ifndef TEST_SCHEMA
#define TEST_SCHEMA C_SCHEMA("c_plugin")
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
} session = {
    {TEST_SESSION_SIZE, 0, TEST_CREATE, TEST_DESTROY, TEST_ON_OPEN, NULL, TEST_ON_BYTES, NULL, NULL, NULL, NULL},
    {&the_session, &the_session, &the_session}};

static const mesura_session_api no_functions = {
    sizeof(mesura_session_api), 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL};

#define TWIN(schema, table)                                                                                      \
  {                                                                                                              \
    sizeof(mesura_plugin), MESURA_ABI_MAJOR, MESURA_ABI_MINOR, {TEST_NAME, sizeof(TEST_NAME) - 1}, {"4.5.6", 5}, \
        {schema, sizeof(schema) - 1}, table, NULL                                                                \
  }
static const mesura_plugin twin_without_functions = TWIN(C_SCHEMA("c_plugin"), &no_functions);
static const mesura_plugin good_twin = TWIN(C_TWIN_SCHEMA, &session.base);
static const mesura_plugin twin_of_another = TWIN(C_SCHEMA("other_plugin"), &session.base);

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
