/* Copyright 2026 the Mesura authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The C ABI between the Mesura host and a device plugin. It compiles as C11 and as C++20.
 *
 * Compatibility
 *   - A different `abi_major` is refused. A minor only appends members to the end of a struct; whoever reads a struct
 *     checks `struct_size` before it touches a member that is younger than minor 0.
 *   - Structs that lie side by side in arrays never grow: mesura_str, mesura_bytes, mesura_measurement,
 *     mesura_option_entry, mesura_option. For the same reason no growing struct is a member of another.
 *   - In every major, mesura_plugin begins with struct_size, abi_major, abi_minor, name and version, so that a host can
 *     say which plugin it refuses.
 *   - Nothing here owns memory across the border: every pointer is valid for the duration of the call that passes it,
 *     except those in `mesura_plugin`, which live as long as the library is loaded.
 *   - No exception crosses in either direction.
 *
 * Threads: calls to one session never overlap; the host table may be called only from inside a call to the session.
 * Times: int64_t nanoseconds since 1970-01-01T00:00:00Z (UTC). Texts: UTF-8, sized, not terminated.
 */
#ifndef MESURA_PLUGIN_ABI_H
#define MESURA_PLUGIN_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MESURA_ABI_MAJOR 1
#define MESURA_ABI_MINOR 1

#if defined(__GNUC__)
#define MESURA_PLUGIN_EXPORT __attribute__((visibility("default")))
#else
#define MESURA_PLUGIN_EXPORT
#endif

/* The one symbol that a plugin exports (see mesura_plugin_query_fn below). */
#define MESURA_PLUGIN_QUERY_SYMBOL "mesura_plugin_query"

/* "No time of its own": the host uses the receive time. */
#define MESURA_NO_TIME INT64_MIN
/* What mesura_host_api.series returns for a series that the host refused. */
#define MESURA_NO_SERIES UINT32_MAX
/* The device that the session was configured for; a fleet session asks for more with mesura_host_api.device. */
#define MESURA_PRIMARY_DEVICE 0u
/* What mesura_host_api.stream returns for a stream that the host refused. */
#define MESURA_NO_STREAM UINT32_MAX

typedef struct mesura_str {
  const char* data;
  size_t size;
} mesura_str;

typedef struct mesura_bytes {
  const uint8_t* data;
  size_t size;
} mesura_bytes;

/* ---------------------------------------------------------------- measurements */

enum mesura_kind { MESURA_GAUGE = 0, MESURA_REGISTER = 1, MESURA_STATE = 2 };

enum mesura_value_type { MESURA_NUMBER = 0, MESURA_TEXT = 1 };

/* Quality is a set of flags; 0 is good. */
enum mesura_quality {
  MESURA_GOOD = 0,
  MESURA_CLOCK_SUSPECT = 1,  /* the source's clock contradicts ours or its own past; see `received` */
  MESURA_CLOCK_UNSYNCED = 2, /* our own clock was not synchronised when this arrived */
  MESURA_DERIVED = 4,        /* computed from other values of the same telegram */
  MESURA_SUSPECT = 8,        /* the value contradicts others or the past */
  MESURA_STALE = 16,         /* the source repeats an old reading */
  MESURA_ESTIMATED = 32      /* interpolated or otherwise not measured */
};

/* One value of one series at one instant. 32 bytes everywhere. */
typedef struct mesura_measurement {
  int64_t time_ns; /* the value's own time, or MESURA_NO_TIME for the batch's */
  double number;   /* base unit (W, Wh, V, ...); for MESURA_TEXT ignored */
  union {
    const char* text; /* for MESURA_TEXT: text_size bytes of UTF-8 */
    uint64_t text_bits;
  };
  uint32_t series;    /* from mesura_host_api.series */
  uint16_t text_size; /* bytes; longer texts are cut by the sender */
  uint8_t type;       /* enum mesura_value_type */
  uint8_t quality;    /* enum mesura_quality flags */
} mesura_measurement;

/* All measurements of one telegram. */
typedef struct mesura_batch {
  uint32_t struct_size;
  uint32_t device;     /* MESURA_PRIMARY_DEVICE or from mesura_host_api.device */
  int64_t time_ns;     /* the source's time of the telegram, or MESURA_NO_TIME for the receive time */
  int64_t received_ns; /* when the telegram's last byte arrived (mesura_meta.received_ns) */
  const mesura_measurement* items;
  uint32_t count;
  uint32_t flags; /* 0 */
} mesura_batch;

/* How the rows of a waveform lie in its blocks; told once for each run of a measurement (mesura_host_api.stream). */
typedef struct mesura_stream_info {
  uint32_t struct_size;
  uint32_t device;
  int64_t start_ns; /* time of row 0 */
  double period_ns; /* time between rows: row n belongs to start_ns + n * period_ns */
  const mesura_str*
      channel_names; /* `channels` entries in the order of a row, as recordings call them: "v_l1", "i_l1" */
  const mesura_str* channel_units; /* `channels` entries: unit of the samples as sent: "V", "mA", "W", "var" */
  uint32_t channels;               /* values in a row */
  uint32_t reserved;
} mesura_stream_info;

/* A block of rows of a stream: rows x channels interleaved float32, as the device sent them. */
typedef struct mesura_waveform {
  uint32_t struct_size;
  uint32_t stream; /* from mesura_host_api.stream */
  int64_t received_ns;
  uint64_t first_row;  /* number of its first row since the run's start, lost rows counted */
  uint64_t gap_rows;   /* rows lost directly before this block */
  uint64_t packet;     /* the source's own number of the block, else 0 */
  const void* samples; /* rows * channels float32 in this machine's byte order; need not be aligned */
  uint32_t rows;
  uint32_t reserved;
} mesura_waveform;

typedef struct mesura_series_info {
  uint32_t struct_size;
  uint32_t device;
  mesura_str channel;  /* "total", "l1", "t1", "mbus1", "ct3", ... */
  mesura_str quantity; /* from the vocabulary or from the plugin's own schema */
  mesura_str unit;     /* empty: the vocabulary's; otherwise it must be equal to it */
  mesura_str label;    /* the name that the device itself gives the channel, or empty */
  mesura_str source;   /* what the wire calls it, e.g. an OBIS code, or empty */
  int8_t kind;         /* enum mesura_kind, or -1: the vocabulary's */
  int8_t decimals;     /* decimals in the base unit, or -1: the vocabulary's */
  uint8_t reserved[6];
} mesura_series_info;

/* ---------------------------------------------------------------- options */

enum mesura_option_type {
  MESURA_OPTION_BOOL = 0,     /* integer 0 or 1 */
  MESURA_OPTION_INTEGER = 1,  /* integer */
  MESURA_OPTION_NUMBER = 2,   /* number */
  MESURA_OPTION_TEXT = 3,     /* text; also enums, paths, zones; of a command also the content of a file, any bytes */
  MESURA_OPTION_DURATION = 4, /* integer, nanoseconds */
  MESURA_OPTION_SIZE = 5,     /* integer, bytes */
  MESURA_OPTION_LIST = 6,     /* entries, keys empty */
  MESURA_OPTION_MAP = 7       /* entries; of a command also a folder: content by relative path */
};

typedef struct mesura_option_entry {
  mesura_str key;
  mesura_str value;
} mesura_option_entry;

/* One validated option or command argument: only the members of its type are set. Options that are neither configured
 * nor have a default are absent. */
typedef struct mesura_option {
  uint32_t struct_size;
  uint32_t type; /* enum mesura_option_type */
  mesura_str name;
  mesura_str text;
  int64_t integer;
  double number;
  const mesura_option_entry* entries;
  size_t entry_count;
} mesura_option;

/* ---------------------------------------------------------------- events */

/* What is known about received bytes. */
typedef struct mesura_meta {
  uint32_t struct_size;
  int32_t status;      /* of an HTTP answer; -1: the request failed and the bytes are the reason; else 0 */
  int64_t received_ns; /* when the last of these bytes arrived */
  uint64_t offset;     /* position of the first byte in the link's stream since it opened */
  mesura_str peer;     /* "192.168.0.34:29340", or empty */
  mesura_str topic;    /* MQTT topic, or the `to` of the HTTP request that this answers, or empty */
} mesura_meta;

enum mesura_fault_kind {
  MESURA_FAULT_FRAME = 0,  /* a whole frame was rejected */
  MESURA_FAULT_OBJECT = 1, /* one object of an otherwise good frame was rejected */
  MESURA_FAULT_NOISE = 2,  /* bytes that belong to no frame */
  MESURA_FAULT_NOTE = 3    /* accepted, but worth counting (a recovered checksum, an unknown field) */
};

/* Something that the decoder did not take, counted by `code` and shown in health, `decode` and logs. */
typedef struct mesura_fault {
  uint32_t struct_size;
  uint32_t kind;      /* enum mesura_fault_kind */
  mesura_str code;    /* stable, snake_case: "crc_error", "truncated", ... */
  mesura_str message; /* expected and got, for people; foreign text is quoted by the host */
  uint64_t offset;    /* of its first byte in the link's stream */
  uint64_t length;    /* bytes */
  uint32_t link;
  uint32_t reserved;
} mesura_fault;

enum mesura_reply_status {
  MESURA_REPLY_DONE = 0,
  MESURA_REPLY_REFUSED = 1,  /* by the device, reason in `message` */
  MESURA_REPLY_TIMEOUT = 2,  /* the device did not answer; what was sent may have taken effect */
  MESURA_REPLY_MISMATCH = 3, /* written, but read back differently */
  MESURA_REPLY_PLAN = 4,     /* dry run: what would have been sent went to mesura_host_api.send_for */
  /* Since minor 1. */
  MESURA_REPLY_INVALID = 5,     /* nothing was sent: this device does not allow it; `message` says what it allows */
  MESURA_REPLY_UNREACHABLE = 6, /* there is no connection, or it went away; what was sent may have taken effect */
  MESURA_REPLY_UNVERIFIED = 7   /* the device took it, but it could not be read back */
};

typedef struct mesura_request {
  uint32_t struct_size;
  uint32_t device;
  uint64_t id; /* to be handed back with mesura_host_api.reply */
  mesura_str command;
  const mesura_option* arguments; /* in the order of the schema */
  size_t argument_count;
  /* 1: ask the device what must be known, hand to send_for what would change it, reply MESURA_REPLY_PLAN. */
  uint32_t dry_run;
  uint32_t reserved;
} mesura_request;

typedef struct mesura_reply {
  uint32_t struct_size;
  uint32_t status; /* enum mesura_reply_status */
  mesura_str message;
  /* The result as a JSON value, or empty. Of a command that changes something an object with members `before` and
   * `after`: the setting's values as read from the device, null where it could not be read. */
  mesura_str json;
  mesura_bytes bytes; /* a result that is no JSON: the content of a file, a raw reply */
} mesura_reply;

enum mesura_log_level {
  MESURA_LOG_ERROR = 0,
  MESURA_LOG_WARN = 1,
  MESURA_LOG_INFO = 2,
  MESURA_LOG_DEBUG = 3,
  MESURA_LOG_TRACE = 4
};

/* ---------------------------------------------------------------- the host's services */

typedef struct mesura_host mesura_host; /* one per session */

typedef struct mesura_host_api {
  uint32_t struct_size;
  uint16_t abi_major;
  uint16_t abi_minor;
  /* Another device of a fleet session, by a key from the wire; `name` is what the unit calls itself. Cheap if known. */
  uint32_t (*device)(mesura_host*, mesura_str key, mesura_str name);
  /* Resolves a series once; the number lives as long as the session. MESURA_NO_SERIES: refused; the log says why. */
  uint32_t (*series)(mesura_host*, const mesura_series_info*);
  /* A fact about a device that is no measurement: serial, firmware, model. Repeating an equal value costs little. */
  void (*attribute)(mesura_host*, uint32_t device, mesura_str key, mesura_str value);
  void (*emit)(mesura_host*, const mesura_batch*);
  /* Begins a run of waveform blocks; the number lives as long as the session. MESURA_NO_STREAM: refused. */
  uint32_t (*stream)(mesura_host*, const mesura_stream_info*);
  /* Cheap: once per frame of the wire is right; the host joins small blocks. */
  void (*waveform)(mesura_host*, const mesura_waveform*);
  /* A complete, verified frame: feeds liveness, relay and error rates. Call it before the frame's `emit`. */
  void (*frame)(mesura_host*, uint32_t link, mesura_bytes verified);
  void (*fault)(mesura_host*, const mesura_fault*);
  /* Queues bytes on an open link. 0, or -1 if not open or full. `to`: a peer ("192.168.0.34:29340") of a link that has
   * several; the topic of an MQTT message; the request of an HTTP link ("GET /get_stats", or with a whole URL, "GET
   * http://192.168.0.34/get_stats"), whose body the bytes are; "broadcast:PORT" on a UDP link that may: the directed
   * broadcast addresses of its interfaces. On a HID link the bytes are one report of at most 8. */
  int32_t (*send)(mesura_host*, uint32_t link, mesura_bytes, mesura_str to);
  /* Calls on_timer(timer) once after `delay_ns`; arming again moves it, a negative delay disarms it. */
  void (*arm)(mesura_host*, uint32_t timer, int64_t delay_ns);
  /* Opens an optional link. `spec`: empty: as configured; else KIND://HOST:PORT?OPTION=VALUE&..., the kind and options
   * of a transport that the schema allows for this link: "tcp://host:54322", "udp://?listen=0.0.0.0:54323". */
  int32_t (*open)(mesura_host*, uint32_t link, mesura_str spec);
  void (*close)(mesura_host*, uint32_t link);
  /* Ends the connection of one peer of a link that waits for connections; on_peer follows. */
  void (*drop)(mesura_host*, uint32_t link, mesura_str peer);
  /* Closes and opens again after the back-off. */
  void (*reopen)(mesura_host*, uint32_t link, mesura_str reason);
  /* Modem lines of a serial link: 0 low, 1 high, -1 leave. -1 where the link has none. */
  int32_t (*set_lines)(mesura_host*, uint32_t link, int32_t rts, int32_t dtr);
  void (*reply)(mesura_host*, uint64_t request, const mesura_reply*);
  /* The session can't go on: it is destroyed after this call and made anew after a back-off. */
  void (*fail)(mesura_host*, mesura_str code, mesura_str message);
  void (*log)(mesura_host*, uint32_t level, mesura_str message);
  /* Since minor 1. */
  /* As `send`, on behalf of a command: whatever changes the device goes out this way and no other. The audit log has it
   * before the device has. In a dry run nothing is sent and the bytes become part of the plan. -1 also where the
   * command may not change anything (danger: read) or has been given up. */
  int32_t (*send_for)(mesura_host*, uint64_t request, uint32_t link, mesura_bytes, mesura_str to);
  /* How far a long command is: `done` of `total` (0: not known), and what it does now: "uploading lib/ct6.mpy". */
  void (*progress)(mesura_host*, uint64_t request, uint64_t done, uint64_t total, mesura_str text);
} mesura_host_api;

/* ---------------------------------------------------------------- the plugin */

typedef struct mesura_error {
  uint32_t struct_size;
  uint32_t size;     /* bytes of message used */
  char message[504]; /* written by the callee when it fails */
} mesura_error;

/* What a link of the session runs over. */
typedef struct mesura_link_info {
  uint32_t struct_size;
  uint32_t link;
  mesura_str kind;    /* "serial", "tcp", "udp", "hid", "file", ...; empty: not configured */
  mesura_str address; /* where: "192.168.0.34:29340", "/dev/ttyUSB0"; for what is listened to, the own address */
} mesura_link_info;

/* How a session is made. */
typedef struct mesura_session_info {
  uint32_t struct_size;
  uint32_t reserved;
  mesura_str device; /* the configured name */
  const mesura_option* options;
  size_t option_count;
  int64_t now_ns;
  uint32_t live;                        /* 1: bytes arrive as they are made; 0: a recording or a file */
  uint32_t index;                       /* of this instance among several equal ones (simulate --count), else 0 */
  mesura_str zone;                      /* IANA zone of the site, e.g. "Europe/Brussels", or empty: not known */
  const mesura_link_info* const* links; /* one for each link of the schema, in its order */
  size_t link_count;
  uint32_t fleet; /* 1: the session stands for many devices, each named with mesura_host_api.device */
  uint32_t reserved2;
} mesura_session_info;

/* Calls into one session. Each returns 0, or -1 with `error` filled: the session is then destroyed and the device backs
 * off. on_close, on_timer, on_command, on_peer and on_cancel may be NULL.
 *
 * Commands: one at a time for each device, the next when the one before is replied to; they come when the first link is
 * open. A session that is not ready yet (it still finds out who is there) keeps the command until it is. */
typedef struct mesura_session_api {
  uint32_t struct_size;
  uint32_t reserved;
  void* (*create)(mesura_host*, const mesura_host_api*, const mesura_session_info*, mesura_error*); /* NULL: failed */
  void (*destroy)(void*);
  int32_t (*on_open)(void*, uint32_t link, int64_t now_ns, mesura_error*);
  /* `final` is 1 when no more bytes can ever come (end of a file): finish what is pending. */
  int32_t (*on_close)(void*, uint32_t link, int64_t now_ns, mesura_str reason, uint32_t final, mesura_error*);
  int32_t (*on_bytes)(void*, uint32_t link, mesura_bytes, const mesura_meta*, mesura_error*);
  int32_t (*on_timer)(void*, uint32_t timer, int64_t now_ns, mesura_error*);
  int32_t (*on_command)(void*, const mesura_request*, mesura_error*);
  /* A peer has connected to a link that waits for connections (`joined` 1), or is gone (0). */
  int32_t (*on_peer)(void*, uint32_t link, mesura_str peer, uint32_t joined, int64_t now_ns, mesura_error*);
  /* Since minor 1. This command's time is over, or it was called off: end it where the device is safe, put back what is
   * half done with send_for, then reply, whatever is the truth. What has not replied a minute after its last sign of
   * life is given up. NULL: commands are short. */
  int32_t (*on_cancel)(void*, uint64_t request, int64_t now_ns, mesura_error*);
} mesura_session_api;

typedef struct mesura_plugin {
  uint32_t struct_size;
  uint16_t abi_major;
  uint16_t abi_minor;
  mesura_str name;    /* snake_case, unique; equals `plugin` in the schema */
  mesura_str version; /* of the plugin */
  /* YAML: summary, links, options, own quantities, default roles, commands (docs/plugin-schema.md) */
  mesura_str schema;
  const mesura_session_api* session; /* shared by all sessions, never NULL */
  /* The device's virtual twin: a session of the same kind that plays the device. Its links are served by the host, the
   * bytes that it sends are the device's, and what it emits is the truth that it put into them. NULL: none. */
  const struct mesura_plugin* virtual_device;
} mesura_plugin;

/* What the plugin may know of its host before it answers. */
typedef struct mesura_host_info {
  uint32_t struct_size;
  uint16_t abi_major;
  uint16_t abi_minor;
  mesura_str version; /* of Mesura */
} mesura_host_info;

/* Exported as MESURA_PLUGIN_QUERY_SYMBOL. NULL: the plugin refuses, with the reason in `error`. */
typedef const mesura_plugin* (*mesura_plugin_query_fn)(const mesura_host_info*, mesura_error* error);

#ifdef __cplusplus
}
#endif

#endif
