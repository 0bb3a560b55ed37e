/* Copyright 2026 the Mesura authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The border between the recording sink and mesura-matroska.so, the only part of Mesura that knows libav. Plain C: the
 * two may come from different builds. Functions that fail return 0 or NULL and leave the reason in `error`. An object
 * is used by one thread at a time; different objects by as many as you like.
 */
#ifndef MESURA_RECORDING_MATROSKA_MODULE_H
#define MESURA_RECORDING_MATROSKA_MODULE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MESURA_MATROSKA_VERSION 1
#define MESURA_MATROSKA_QUERY "mesura_matroska_query"

typedef struct mesura_matroska_error {
  char text[256]; /* "avcodec_open2: Invalid argument" */
} mesura_matroska_error;

/* WavPack of float32. Frames don't depend on each other: several encoders may share the frames of one file. */
typedef struct mesura_wavpack mesura_wavpack;

/* An encoded frame of `rows` rows. Returns 0 to stop. */
typedef int (*mesura_wavpack_packet)(void* to, uint32_t rows, const uint8_t* bytes, size_t size);

typedef struct mesura_matroska_track {
  const char* title;
  const char* channel_tags; /* "v_l1,i_l1" */
  uint32_t channels;
} mesura_matroska_track;

typedef struct mesura_matroska_spec {
  const mesura_matroska_track* tracks;
  uint32_t track_count;
  const char* title;     /* of the file */
  const char* timestamp; /* Unix seconds of row 0, decimal */
  const char* created;   /* the same, ISO 8601 */
  const char* writer;    /* "mesura 0.1.0" */
  double period_ns;      /* of a row */
} mesura_matroska_spec;

/* A Matroska file being written. */
typedef struct mesura_matroska mesura_matroska;

/* Bytes of the file, in any order of offsets; what was written before may be written over. Returns 0 to stop. */
typedef int (*mesura_matroska_output)(void* to, uint64_t offset, const uint8_t* bytes, size_t size);

/* A Matroska file being read, finished or not. */
typedef struct mesura_matroska_reader mesura_matroska_reader;

typedef struct mesura_matroska_frame {
  uint32_t track;
  uint32_t rows;
  const float* const* planes; /* one per channel; valid until the next call */
} mesura_matroska_frame;

typedef struct mesura_matroska_module {
  uint32_t struct_size;
  const char* libraries; /* "libavformat 59.27.100, libavcodec 59.37.100" */

  /* level: 0 fast .. 8 small. verify: not 0: see encoder_encode. */
  mesura_wavpack* (*encoder_open)(uint32_t channels, uint32_t rate_hz, int level, int verify,
                                  mesura_matroska_error* error);
  /* Where the next frame's values belong, one plane per channel; valid until encode. rows: at most
   * mesura_matroska_module::most_rows. */
  float* const* (*encoder_planes)(mesura_wavpack* encoder);
  /* Encodes the planes. With `verify` it reads the frame back with the decoder and compares it bit by bit: libav's
   * encoder makes frames of impulses, now and then, that its own decoder refuses. Such a frame is made again as two of
   * half its length. */
  int (*encoder_encode)(mesura_wavpack* encoder, uint32_t rows, mesura_wavpack_packet packet, void* to,
                        mesura_matroska_error* error);
  void (*encoder_close)(mesura_wavpack* encoder);
  uint32_t most_rows;

  mesura_matroska* (*file_open)(const mesura_matroska_spec* spec, mesura_matroska_output output, void* to,
                                mesura_matroska_error* error);
  /* row: of the packet's first row, in the file's time. */
  int (*file_packet)(mesura_matroska* file, uint32_t track, uint64_t row, uint32_t rows, const uint8_t* bytes,
                     size_t size, mesura_matroska_error* error);
  /* Ends the cluster: everything given so far is output. */
  int (*file_flush)(mesura_matroska* file, mesura_matroska_error* error);
  /* Index, duration, sizes. Only file_close may follow. */
  int (*file_finish)(mesura_matroska* file, mesura_matroska_error* error);
  void (*file_close)(mesura_matroska* file); /* outputs nothing */

  mesura_matroska_reader* (*reader_open)(const char* path, mesura_matroska_error* error);
  uint32_t (*reader_channels)(const mesura_matroska_reader* reader, uint32_t track); /* 0: there is no such track */
  /* 1: a frame; 0: the end, be it of what is whole in a file that is still written; -1: it can't be decoded. */
  int (*reader_next)(mesura_matroska_reader* reader, mesura_matroska_frame* frame, mesura_matroska_error* error);
  void (*reader_close)(mesura_matroska_reader* reader);
} mesura_matroska_module;

/* Exported. NULL for a version that it does not speak. */
typedef const mesura_matroska_module* (*mesura_matroska_query_fn)(uint32_t version);

#ifdef __cplusplus
}
#endif

#endif
