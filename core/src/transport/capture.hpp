// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
// Captures: received bytes with the times when they came, kept for replay.
//
// A capture file is a header and records, all integers little-endian:
//
//   header   8 bytes  magic "\x93MESCAP\n"
//            2        version, 1
//            6        zero
//   record   4        size of the payload
//            1        kind: 1 open, 2 bytes, 3 closed
//            1        size of the peer
//            2        size of status and topic together: 0, or 2 and more
//            8        time, ns since the epoch, UTC
//            n        peer ("192.168.0.34:29340"), not with most transports
//            2        status of an HTTP answer (signed; -1: it failed), else 0; only if the size above says so
//            t        topic of an MQTT message, or the HTTP request; only then
//            m        payload: the bytes; the transport's description for open, the reason for closed
//            4        CRC-32 (IEEE 802.3) of the record so far
//
// Files may be joined end to end: a header may stand wherever a record may.
#pragma once

#include "runtime/unique_fd.hpp"
#include "transport/transport.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::transport {

enum class CaptureKind : std::uint8_t { open = 1, bytes = 2, closed = 3 };

struct CaptureRecord {
  CaptureKind kind = CaptureKind::bytes;
  std::int64_t time_ns = 0;
  std::string_view peer;
  Bytes payload;
  std::string_view topic = {};
  int status = 0;
};

/// Appends the records of one link to files that it cuts and deletes by age and size.
///
/// Files are named NAME-20260614T124501.213Z.mcap after their first record. Every record is one write(2): a killed
/// process loses nothing that was recorded, a killed machine what the kernel had not stored yet.
class CaptureWriter {
 public:
  struct Options {
    std::string directory;             ///< made when needed
    std::string name;                  ///< in front of the file names; the device's
    std::chrono::nanoseconds keep{0};  ///< older files are deleted; 0: never
    std::uint64_t max_bytes = 0;       ///< of all files of this name; 0: no limit
    std::string file = {};             ///< instead of all that: this one file, written anew and never cut
  };

  CaptureWriter(const Context& context, Options options);

  void opened(std::string_view description);
  void bytes(Bytes bytes, const Meta& meta);
  void closed(std::string_view reason);

  /// Records that could not be written (full disk); logged once, and once when it works again.
  [[nodiscard]] std::uint64_t lost() const { return lost_total_; }

 private:
  void write(const CaptureRecord& record);
  bool append(Bytes record);
  bool start_file(std::int64_t time_ns);
  bool start_single_file();
  bool append_header();
  [[nodiscard]] bool is_ours(const std::filesystem::path& path) const;
  void delete_old(std::int64_t now_ns);
  void fail(const char* what, int error);

  Context context_;
  Options options_;
  runtime::UniqueFd file_;
  std::string path_;
  std::uint64_t size_ = 0;
  std::int64_t started_ns_ = 0;
  std::uint64_t lost_ = 0;  // in this outage
  std::uint64_t lost_total_ = 0;
  std::int64_t retry_ns_ = 0;
  std::vector<std::uint8_t> buffer_;
};

/// True when these first bytes (8 are enough) begin a capture, not raw bytes.
[[nodiscard]] bool is_capture(Bytes first);

/// Takes a capture apart, however it is cut into pieces.
class CaptureParser {
 public:
  void push(Bytes bytes);
  /// The next whole record, valid until the next push(); nullopt when more bytes are needed, or after an error.
  std::optional<CaptureRecord> next();
  /// What is wrong, and where: "record at byte 4096: CRC ...". Empty while all is well.
  [[nodiscard]] const std::string& error() const { return error_; }
  /// At the end of the file: how many bytes of a torn record are left.
  [[nodiscard]] std::size_t left() const { return buffer_.size() - at_; }

 private:
  bool skip_headers();
  std::optional<CaptureRecord> fail(std::string_view what);

  std::vector<std::uint8_t> buffer_;
  std::size_t at_ = 0;
  std::uint64_t offset_ = 0;  // of buffer_'s first byte in the file
  std::string error_;
};

}  // namespace mesura::transport
