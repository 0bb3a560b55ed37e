/* Copyright 2026 the Mesura authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The layout of every struct of plugin_abi.h, asserted in C11 and in C++20. Columns: LP64; ILP32 with 64-bit members
 * aligned to 8 (ARM EABI, RISC-V); i386, where they are aligned to 4. A number that has to change here is a new major;
 * a minor adds lines.
 */
#ifndef MESURA_ABI_LAYOUT_H
#define MESURA_ABI_LAYOUT_H

#include <mesura/plugin_abi.h>

#if UINTPTR_MAX > UINT32_MAX
#define PICK(lp64, ilp32, i386) (lp64)
#elif defined(__i386__)
#define PICK(lp64, ilp32, i386) (i386)
#else
#define PICK(lp64, ilp32, i386) (ilp32)
#endif

#ifdef __cplusplus
#define ASSERT_LAYOUT(condition, text) static_assert(condition, text)
#else
#define ASSERT_LAYOUT(condition, text) _Static_assert(condition, text)
#endif

#define SIZE(type, lp64, ilp32, i386) ASSERT_LAYOUT(sizeof(type) == PICK(lp64, ilp32, i386), "size of " #type)
#define AT(type, member, lp64, ilp32, i386) \
  ASSERT_LAYOUT(offsetof(type, member) == PICK(lp64, ilp32, i386), "offset of " #type "." #member)

ASSERT_LAYOUT(MESURA_ABI_MAJOR == 1 && MESURA_ABI_MINOR == 1, "these are the layouts of ABI 1.1");

SIZE(mesura_str, 16, 8, 8);
AT(mesura_str, data, 0, 0, 0);
AT(mesura_str, size, 8, 4, 4);

SIZE(mesura_bytes, 16, 8, 8);
AT(mesura_bytes, data, 0, 0, 0);
AT(mesura_bytes, size, 8, 4, 4);

SIZE(mesura_measurement, 32, 32, 32);
AT(mesura_measurement, time_ns, 0, 0, 0);
AT(mesura_measurement, number, 8, 8, 8);
AT(mesura_measurement, text, 16, 16, 16);
AT(mesura_measurement, text_bits, 16, 16, 16);
AT(mesura_measurement, series, 24, 24, 24);
AT(mesura_measurement, text_size, 28, 28, 28);
AT(mesura_measurement, type, 30, 30, 30);
AT(mesura_measurement, quality, 31, 31, 31);

SIZE(mesura_batch, 40, 40, 36);
AT(mesura_batch, struct_size, 0, 0, 0);
AT(mesura_batch, device, 4, 4, 4);
AT(mesura_batch, time_ns, 8, 8, 8);
AT(mesura_batch, received_ns, 16, 16, 16);
AT(mesura_batch, items, 24, 24, 24);
AT(mesura_batch, count, 32, 28, 28);
AT(mesura_batch, flags, 36, 32, 32);

SIZE(mesura_stream_info, 48, 40, 40);
AT(mesura_stream_info, struct_size, 0, 0, 0);
AT(mesura_stream_info, device, 4, 4, 4);
AT(mesura_stream_info, start_ns, 8, 8, 8);
AT(mesura_stream_info, period_ns, 16, 16, 16);
AT(mesura_stream_info, channel_names, 24, 24, 24);
AT(mesura_stream_info, channel_units, 32, 28, 28);
AT(mesura_stream_info, channels, 40, 32, 32);
AT(mesura_stream_info, reserved, 44, 36, 36);

SIZE(mesura_waveform, 56, 56, 52);
AT(mesura_waveform, struct_size, 0, 0, 0);
AT(mesura_waveform, stream, 4, 4, 4);
AT(mesura_waveform, received_ns, 8, 8, 8);
AT(mesura_waveform, first_row, 16, 16, 16);
AT(mesura_waveform, gap_rows, 24, 24, 24);
AT(mesura_waveform, packet, 32, 32, 32);
AT(mesura_waveform, samples, 40, 40, 40);
AT(mesura_waveform, rows, 48, 44, 44);
AT(mesura_waveform, reserved, 52, 48, 48);

SIZE(mesura_series_info, 96, 56, 56);
AT(mesura_series_info, struct_size, 0, 0, 0);
AT(mesura_series_info, device, 4, 4, 4);
AT(mesura_series_info, channel, 8, 8, 8);
AT(mesura_series_info, quantity, 24, 16, 16);
AT(mesura_series_info, unit, 40, 24, 24);
AT(mesura_series_info, label, 56, 32, 32);
AT(mesura_series_info, source, 72, 40, 40);
AT(mesura_series_info, kind, 88, 48, 48);
AT(mesura_series_info, decimals, 89, 49, 49);
AT(mesura_series_info, reserved, 90, 50, 50);

SIZE(mesura_option_entry, 32, 16, 16);
AT(mesura_option_entry, key, 0, 0, 0);
AT(mesura_option_entry, value, 16, 8, 8);

SIZE(mesura_option, 72, 48, 48);
AT(mesura_option, struct_size, 0, 0, 0);
AT(mesura_option, type, 4, 4, 4);
AT(mesura_option, name, 8, 8, 8);
AT(mesura_option, text, 24, 16, 16);
AT(mesura_option, integer, 40, 24, 24);
AT(mesura_option, number, 48, 32, 32);
AT(mesura_option, entries, 56, 40, 40);
AT(mesura_option, entry_count, 64, 44, 44);

SIZE(mesura_meta, 56, 40, 40);
AT(mesura_meta, struct_size, 0, 0, 0);
AT(mesura_meta, status, 4, 4, 4);
AT(mesura_meta, received_ns, 8, 8, 8);
AT(mesura_meta, offset, 16, 16, 16);
AT(mesura_meta, peer, 24, 24, 24);
AT(mesura_meta, topic, 40, 32, 32);

SIZE(mesura_fault, 64, 48, 48);
AT(mesura_fault, struct_size, 0, 0, 0);
AT(mesura_fault, kind, 4, 4, 4);
AT(mesura_fault, code, 8, 8, 8);
AT(mesura_fault, message, 24, 16, 16);
AT(mesura_fault, offset, 40, 24, 24);
AT(mesura_fault, length, 48, 32, 32);
AT(mesura_fault, link, 56, 40, 40);
AT(mesura_fault, reserved, 60, 44, 44);

SIZE(mesura_request, 56, 40, 40);
AT(mesura_request, struct_size, 0, 0, 0);
AT(mesura_request, device, 4, 4, 4);
AT(mesura_request, id, 8, 8, 8);
AT(mesura_request, command, 16, 16, 16);
AT(mesura_request, arguments, 32, 24, 24);
AT(mesura_request, argument_count, 40, 28, 28);
AT(mesura_request, dry_run, 48, 32, 32);
AT(mesura_request, reserved, 52, 36, 36);

SIZE(mesura_reply, 56, 32, 32);
AT(mesura_reply, struct_size, 0, 0, 0);
AT(mesura_reply, status, 4, 4, 4);
AT(mesura_reply, message, 8, 8, 8);
AT(mesura_reply, json, 24, 16, 16);
AT(mesura_reply, bytes, 40, 24, 24);

SIZE(mesura_host_api, 168, 88, 88);
AT(mesura_host_api, struct_size, 0, 0, 0);
AT(mesura_host_api, abi_major, 4, 4, 4);
AT(mesura_host_api, abi_minor, 6, 6, 6);
AT(mesura_host_api, device, 8, 8, 8);
AT(mesura_host_api, series, 16, 12, 12);
AT(mesura_host_api, attribute, 24, 16, 16);
AT(mesura_host_api, emit, 32, 20, 20);
AT(mesura_host_api, stream, 40, 24, 24);
AT(mesura_host_api, waveform, 48, 28, 28);
AT(mesura_host_api, frame, 56, 32, 32);
AT(mesura_host_api, fault, 64, 36, 36);
AT(mesura_host_api, send, 72, 40, 40);
AT(mesura_host_api, arm, 80, 44, 44);
AT(mesura_host_api, open, 88, 48, 48);
AT(mesura_host_api, close, 96, 52, 52);
AT(mesura_host_api, drop, 104, 56, 56);
AT(mesura_host_api, reopen, 112, 60, 60);
AT(mesura_host_api, set_lines, 120, 64, 64);
AT(mesura_host_api, reply, 128, 68, 68);
AT(mesura_host_api, fail, 136, 72, 72);
AT(mesura_host_api, log, 144, 76, 76);
AT(mesura_host_api, send_for, 152, 80, 80);
AT(mesura_host_api, progress, 160, 84, 84);

SIZE(mesura_error, 512, 512, 512);
AT(mesura_error, struct_size, 0, 0, 0);
AT(mesura_error, size, 4, 4, 4);
AT(mesura_error, message, 8, 8, 8);

SIZE(mesura_link_info, 40, 24, 24);
AT(mesura_link_info, struct_size, 0, 0, 0);
AT(mesura_link_info, link, 4, 4, 4);
AT(mesura_link_info, kind, 8, 8, 8);
AT(mesura_link_info, address, 24, 16, 16);

SIZE(mesura_session_info, 96, 64, 64);
AT(mesura_session_info, struct_size, 0, 0, 0);
AT(mesura_session_info, reserved, 4, 4, 4);
AT(mesura_session_info, device, 8, 8, 8);
AT(mesura_session_info, options, 24, 16, 16);
AT(mesura_session_info, option_count, 32, 20, 20);
AT(mesura_session_info, now_ns, 40, 24, 24);
AT(mesura_session_info, live, 48, 32, 32);
AT(mesura_session_info, index, 52, 36, 36);
AT(mesura_session_info, zone, 56, 40, 40);
AT(mesura_session_info, links, 72, 48, 48);
AT(mesura_session_info, link_count, 80, 52, 52);
AT(mesura_session_info, fleet, 88, 56, 56);
AT(mesura_session_info, reserved2, 92, 60, 60);

SIZE(mesura_session_api, 80, 44, 44);
AT(mesura_session_api, struct_size, 0, 0, 0);
AT(mesura_session_api, reserved, 4, 4, 4);
AT(mesura_session_api, create, 8, 8, 8);
AT(mesura_session_api, destroy, 16, 12, 12);
AT(mesura_session_api, on_open, 24, 16, 16);
AT(mesura_session_api, on_close, 32, 20, 20);
AT(mesura_session_api, on_bytes, 40, 24, 24);
AT(mesura_session_api, on_timer, 48, 28, 28);
AT(mesura_session_api, on_command, 56, 32, 32);
AT(mesura_session_api, on_peer, 64, 36, 36);
AT(mesura_session_api, on_cancel, 72, 40, 40);

SIZE(mesura_plugin, 72, 40, 40);
AT(mesura_plugin, struct_size, 0, 0, 0);
AT(mesura_plugin, abi_major, 4, 4, 4);
AT(mesura_plugin, abi_minor, 6, 6, 6);
AT(mesura_plugin, name, 8, 8, 8);
AT(mesura_plugin, version, 24, 16, 16);
AT(mesura_plugin, schema, 40, 24, 24);
AT(mesura_plugin, session, 56, 32, 32);
AT(mesura_plugin, virtual_device, 64, 36, 36);

SIZE(mesura_host_info, 24, 16, 16);
AT(mesura_host_info, struct_size, 0, 0, 0);
AT(mesura_host_info, abi_major, 4, 4, 4);
AT(mesura_host_info, abi_minor, 6, 6, 6);
AT(mesura_host_info, version, 8, 8, 8);

#undef AT
#undef SIZE
#undef ASSERT_LAYOUT
#undef PICK

#endif
