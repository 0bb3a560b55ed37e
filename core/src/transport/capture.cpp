// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "transport/capture.hpp"

#include "runtime/time_text.hpp"
#include "transport/directory.hpp"
#include "transport/reason.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

namespace mesura::transport {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::uint8_t, 16> kHeader{0x93, 'M', 'E', 'S', 'C', 'A', 'P', '\n', 1, 0, 0, 0, 0, 0, 0, 0};
constexpr std::size_t kMagicSize = 8;
constexpr std::size_t kRecordHead = 16;
constexpr std::size_t kCrcSize = 4;
constexpr std::size_t kStatusSize = 2;
/// No read is larger; more can only be damage.
constexpr std::uint32_t kMaxPayload = 16U << 20;
constexpr std::uint64_t kLargestFile = std::uint64_t{256} << 20;
constexpr std::int64_t kRetryNs = 1'000'000'000;

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320U : 0U);
    table[i] = crc;
  }
  return table;
}

std::uint32_t crc32(Bytes bytes) {
  static constexpr auto table = make_crc_table();
  std::uint32_t crc = ~0U;
  for (const std::uint8_t byte : bytes) crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF];
  return ~crc;
}

template <class T>
void put(std::vector<std::uint8_t>& out, T value) {
  for (std::size_t i = 0; i < sizeof value; ++i)
    out.push_back(static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> (8 * i)));
}

template <class T>
T get(const std::uint8_t* at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) value |= static_cast<std::uint64_t>(at[i]) << (8 * i);
  return static_cast<T>(value);
}

Bytes as_bytes(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }

}  // namespace

CaptureWriter::CaptureWriter(const Context& context, Options options)
    : context_(context), options_(std::move(options)) {}

void CaptureWriter::opened(std::string_view description) {
  write({CaptureKind::open, context_.loop.clock().wall_ns(), {}, as_bytes(description)});
}

void CaptureWriter::bytes(Bytes bytes, const Meta& meta) {
  write({CaptureKind::bytes, meta.received_ns, meta.peer, bytes, meta.topic, meta.status});
}

void CaptureWriter::closed(std::string_view reason) {
  write({CaptureKind::closed, context_.loop.clock().wall_ns(), {}, as_bytes(reason)});
}

void CaptureWriter::write(const CaptureRecord& record) {
  // A failed disk is asked once a second, not at each record.
  const std::int64_t now_ns = context_.loop.clock().steady_ns();
  if (lost_ > 0 && now_ns < retry_ns_) {
    ++lost_;
    ++lost_total_;
    return;
  }
  buffer_.clear();
  const std::string_view peer = record.peer.substr(0, 255);
  put(buffer_, static_cast<std::uint32_t>(record.payload.size()));
  put(buffer_, static_cast<std::uint8_t>(record.kind));
  put(buffer_, static_cast<std::uint8_t>(peer.size()));
  // Without these two, which few transports know, it is what older programs read as well.
  const bool annotated = record.status != 0 || !record.topic.empty();
  const std::string_view topic = record.topic.substr(0, UINT16_MAX - kStatusSize);
  put(buffer_, static_cast<std::uint16_t>(annotated ? kStatusSize + topic.size() : 0));
  put(buffer_, record.time_ns);
  buffer_.insert(buffer_.end(), peer.begin(), peer.end());
  if (annotated) {
    put(buffer_, static_cast<std::uint16_t>(record.status));
    buffer_.insert(buffer_.end(), topic.begin(), topic.end());
  }
  buffer_.insert(buffer_.end(), record.payload.begin(), record.payload.end());
  put(buffer_, crc32(buffer_));

  // An eighth of what may be kept, so that deleting the oldest file costs little of the past.
  const std::uint64_t largest = options_.max_bytes == 0 ? kLargestFile : std::min(kLargestFile, options_.max_bytes / 8);
  const std::int64_t oldest = options_.keep.count() == 0 ? 0 : options_.keep.count() / 8;
  const bool full = size_ > kHeader.size() && size_ + buffer_.size() > largest;
  const bool aged = oldest != 0 && record.time_ns - started_ns_ > oldest;
  const bool cut = options_.file.empty() && (full || aged);
  if ((!file_ || cut) && !start_file(record.time_ns)) return;
  if (!append(buffer_)) return;
  if (lost_ == 0) return;
  context_.log.info("tra-capture", "capture {}: goes on; {} records were lost", path_, std::exchange(lost_, 0));
}

bool CaptureWriter::append(Bytes record) {
  std::size_t done = 0;
  while (done < record.size()) {
    const ssize_t n = ::write(file_.get(), record.data() + done, record.size() - done);
    if (n >= 0) {
      done += static_cast<std::size_t>(n);
    } else if (errno != EINTR) {
      const int error = errno;
      // Half a record in the middle would hide all that follow.
      if (::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0) file_.reset();
      fail("to write a record", error);
      return false;
    }
  }
  size_ += record.size();
  return true;
}

bool CaptureWriter::start_single_file() {
  path_ = options_.file;
  // Opened again after a failure, it goes on after its last whole record.
  const int fresh = size_ == 0 ? O_TRUNC : 0;
  file_.reset(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | fresh, 0640));
  if (!file_ || ::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0) {
    const int error = errno;
    file_.reset();
    fail("the file", error);
    return false;
  }
  return size_ > 0 || append_header();
}

bool CaptureWriter::append_header() {
  if (append(kHeader)) return true;
  // Records without it could not be read.
  file_.reset();
  ::unlink(path_.c_str());
  return false;
}

bool CaptureWriter::start_file(std::int64_t time_ns) {
  if (!options_.file.empty()) return start_single_file();
  std::error_code error;
  fs::create_directories(options_.directory, error);
  // RFC 3339 without ':' and '-', which some file systems and shells make trouble about.
  std::string stamp = runtime::format_time(time_ns);
  std::erase_if(stamp, [](char c) { return c == ':' || c == '-'; });
  const std::string base = (fs::path{options_.directory} / (options_.name + "-" + stamp)).string();
  path_ = base + ".mcap";
  for (int i = 1; i < 1000; ++i) {
    file_.reset(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0640));
    if (file_ || errno != EEXIST) break;
    path_ = fmt::format("{}-{:03}.mcap", base, i);
  }
  size_ = 0;
  if (!file_) {
    fail("a new file", errno);
    return false;
  }
  started_ns_ = time_ns;
  if (!append_header()) return false;
  delete_old(time_ns);
  return true;
}

/// An older file of this writer. "grid" must not delete what "grid-2" has: the stamp follows the name directly.
bool CaptureWriter::is_ours(const fs::path& path) const {
  const std::string name = path.filename();
  if (name.rfind(options_.name + "-", 0) != 0 || path == path_) return false;
  const auto stamp = std::string_view{name}.substr(options_.name.size() + 1);
  return stamp.size() >= 24 && stamp[8] == 'T' && stamp.substr(stamp.size() - 5) == ".mcap";
}

void CaptureWriter::delete_old(std::int64_t now_ns) {
  struct Old {
    fs::path path;
    std::uint64_t size;
    std::int64_t changed_ns;
  };
  std::vector<Old> files;
  std::uint64_t total = 0;
  for_each_entry(options_.directory, [&](const fs::path& path) {
    struct stat status {};
    if (!is_ours(path) || ::stat(path.c_str(), &status) != 0) return;
    const auto size = static_cast<std::uint64_t>(status.st_size);
    files.push_back({path, size, status.st_mtim.tv_sec * 1'000'000'000LL + status.st_mtim.tv_nsec});
    total += size;
  });
  std::sort(files.begin(), files.end(), [](const Old& a, const Old& b) { return a.path < b.path; });
  // The file that begins now may grow to its share.
  const std::uint64_t limit = options_.max_bytes - options_.max_bytes / 8;
  for (const auto& old : files) {
    const bool aged = options_.keep.count() != 0 && now_ns - old.changed_ns > options_.keep.count();
    if (!aged && (options_.max_bytes == 0 || total <= limit)) continue;
    std::error_code error;
    if (fs::remove(old.path, error)) total -= old.size;
  }
}

void CaptureWriter::fail(const char* what, int error) {
  retry_ns_ = context_.loop.clock().steady_ns() + kRetryNs;
  ++lost_total_;
  if (++lost_ > 1) return;
  context_.log.error("tra-capture", "{}\n  hint  the device goes on; records are lost until this works again",
                     system_reason({}, "capture " + path_, what, error).message);
}

bool is_capture(Bytes first) {
  return first.size() >= kMagicSize && std::equal(kHeader.begin(), kHeader.begin() + kMagicSize, first.begin());
}

void CaptureParser::push(Bytes bytes) {
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(at_));
  offset_ += at_;
  at_ = 0;
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

/// True when a record may follow.
bool CaptureParser::skip_headers() {
  for (;;) {
    const Bytes rest = Bytes{buffer_}.subspan(at_);
    if (!is_capture(rest)) {
      if (offset_ + at_ != 0) return true;
      if (rest.size() >= kMagicSize) fail("no capture: the magic bytes are missing");
      return false;
    }
    if (rest.size() < kHeader.size()) return false;
    if (const auto version = get<std::uint16_t>(&rest[kMagicSize]); version != 1) {
      fail(fmt::format("a capture of version {}, this program reads version 1", version));
      return false;
    }
    at_ += kHeader.size();
  }
}

std::optional<CaptureRecord> CaptureParser::next() {
  if (!error_.empty() || !skip_headers() || left() < kRecordHead) return std::nullopt;
  const std::uint8_t* const head = &buffer_[at_];
  const auto payload_size = get<std::uint32_t>(head);
  const std::size_t peer_size = head[5];
  const std::size_t note_size = get<std::uint16_t>(head + 6);
  if (payload_size > kMaxPayload || head[4] < 1 || head[4] > 3 || (note_size > 0 && note_size < kStatusSize))
    return fail("a record that cannot be");
  const std::size_t body = kRecordHead + peer_size + note_size + payload_size;
  if (left() < body + kCrcSize) return std::nullopt;
  const Bytes record{head, body};
  if (crc32(record) != get<std::uint32_t>(head + body)) return fail("a record with a wrong CRC");
  at_ += body + kCrcSize;
  const auto text = [&](std::size_t at, std::size_t size) {
    return std::string_view{reinterpret_cast<const char*>(head) + at, size};
  };
  CaptureRecord out{.kind = static_cast<CaptureKind>(head[4]),
                    .time_ns = get<std::int64_t>(head + 8),
                    .peer = text(kRecordHead, peer_size),
                    .payload = record.subspan(kRecordHead + peer_size + note_size)};
  if (note_size > 0) {
    const std::size_t note = kRecordHead + peer_size;
    out.status = get<std::int16_t>(head + note);
    out.topic = text(note + kStatusSize, note_size - kStatusSize);
  }
  return out;
}

std::optional<CaptureRecord> CaptureParser::fail(std::string_view what) {
  error_ = fmt::format("at byte {}: {}", offset_ + at_, what);
  return std::nullopt;
}

}  // namespace mesura::transport
