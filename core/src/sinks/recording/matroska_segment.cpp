// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/recording/matroska_segment.hpp"

#include <mesura/sink.hpp>

#include "runtime/time_text.hpp"
#include "sinks/files.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <limits>
#include <new>
#include <utility>

namespace mesura::sinks::recording {
namespace {

// A frame is a quarter of a second, so that the second of a write() is work for several cores; it costs 0.2 % in size.
// A write() ends its last frame, however short; slow meters, whose rows come by thousands only from a replay, don't get
// frames of one row then.
constexpr std::uint64_t kLeastFrameRows = 4096;

/// "1781438400.000125": Unix seconds.
std::string unix_seconds(std::int64_t time_ns) {
  const std::int64_t second = 1'000'000'000;
  const std::int64_t whole = time_ns / second - (time_ns % second < 0 ? 1 : 0);
  return fmt::format("{}.{:06}", whole, (time_ns - whole * second) / 1000);
}

}  // namespace

MatroskaSegment::MatroskaSegment(const mesura_matroska_module& module, const std::filesystem::path& directory,
                                 const Stem& stem, std::shared_ptr<const WaveformStream> stream, Cuts::Range range,
                                 Fill fill, Streams streams, Compression compression)
    : module_(module),
      stream_(std::move(stream)),
      range_(range),
      fill_(fill),
      compression_(compression),
      tracks_(lay_out(streams, stream_->device, stream_->names)),
      frame_rows_(std::clamp<std::uint64_t>(rate_hz() / 4, kLeastFrameRows, module.most_rows)),
      planned_{range.begin},
      muxed_{range.begin},
      durable_{range.begin},
      settled_row_(range.begin) {
  NewFile made = make_file(directory, stem, stream_->time_ns(range.begin), kMatroskaEnding, kMatroskaWorkEnding);
  names_ = std::move(made.names);
  fd_ = std::move(made.fd);
}

MatroskaSegment::~MatroskaSegment() {
  if (file_ != nullptr) module_.file_close(file_);
}

std::uint64_t MatroskaSegment::rate_hz() const {
  return static_cast<std::uint64_t>(std::clamp(std::round(1e9 / stream_->period_ns), 1.0, 16'000'000.0));
}

void MatroskaSegment::append(std::span<const float> samples) {
  const std::uint64_t rows = samples.size() / stream_->channels();
  const std::uint64_t known = muxed_.run_row > planned_.run_row ? std::min(rows, muxed_.run_row - planned_.run_row) : 0;
  planned_.run_row += known;
  if (rows > known) add({samples.data() + known * stream_->channels(), rows - known});
}

void MatroskaSegment::lose(std::uint64_t rows) {
  const std::uint64_t known = muxed_.run_row > planned_.run_row ? std::min(rows, muxed_.run_row - planned_.run_row) : 0;
  planned_.run_row += known;
  rows -= known;
  if (rows == 0) return;
  gaps_.push_back({planned_.rows, rows});
  if (fill_ != Fill::none) return add({nullptr, rows});
  planned_.run_row += rows;
  frame_open_ = false;
}

/// Rows for the encoder, cut into frames.
void MatroskaSegment::add(Piece piece) {
  while (piece.rows > 0) {
    if (!frame_open_) frames_.push_back({planned_.run_row - range_.begin, 0, {}, {}});
    Frame& frame = frames_.back();
    const std::uint64_t some = std::min(piece.rows, frame_rows_ - frame.rows);
    frame.pieces.push_back({piece.samples, some});
    frame.rows += some;
    frame_open_ = frame.rows < frame_rows_;
    planned_.run_row += some;
    planned_.rows += some;
    piece.rows -= some;
    if (piece.samples != nullptr) piece.samples += some * stream_->channels();
  }
}

MatroskaSegment::Encoders MatroskaSegment::take_encoders() {
  {
    const std::lock_guard lock(encoders_mutex_);
    if (!idle_encoders_.empty()) {
      Encoders some = std::move(idle_encoders_.back());
      idle_encoders_.pop_back();
      return some;
    }
  }
  Encoders made;
  for (const Track& track : tracks_) {
    mesura_matroska_error error{};
    made.emplace_back(
        module_.encoder_open(static_cast<std::uint32_t>(track.columns.size()), static_cast<std::uint32_t>(rate_hz()),
                             compression_.level, compression_.verify ? 1 : 0, &error),
        CloseEncoder{&module_});
    if (!made.back()) throw SinkError(fmt::format("sink-encode: {}: {}", names_.work.string(), error.text));
  }
  return made;
}

/// The frame's values of one track, channel by channel.
void MatroskaSegment::gather(const Frame& frame, const Track& track, float* const* planes) const {
  const std::size_t width = stream_->channels();
  const float fill = fill_ == Fill::nan ? std::numeric_limits<float>::quiet_NaN() : 0.0F;
  std::uint64_t at = 0;
  for (const Piece& piece : frame.pieces) {
    for (std::size_t c = 0; c < track.columns.size(); ++c) {
      float* out = planes[c] + at;
      if (piece.samples == nullptr) {
        std::fill_n(out, piece.rows, fill);
        continue;
      }
      const float* in = piece.samples + track.columns[c];
      for (std::uint64_t row = 0; row < piece.rows; ++row) out[row] = in[row * width];
    }
    at += piece.rows;
  }
}

void MatroskaSegment::encode(std::size_t index) {
  Frame& frame = frames_[index];
  Encoders encoders = take_encoders();
  frame.packets.assign(tracks_.size(), {});
  const auto keep = [](void* to, std::uint32_t rows, const std::uint8_t* bytes, std::size_t size) {
    try {
      static_cast<std::vector<Packet>*>(to)->push_back({rows, {bytes, bytes + size}});
      return 1;
    } catch (const std::bad_alloc&) {
      return 0;  // no exception crosses the border
    }
  };
  for (std::size_t t = 0; t < tracks_.size(); ++t) {
    mesura_wavpack* encoder = encoders[t].get();
    gather(frame, tracks_[t], module_.encoder_planes(encoder));
    mesura_matroska_error error{};
    if (module_.encoder_encode(encoder, static_cast<std::uint32_t>(frame.rows), keep, &frame.packets[t], &error) == 0) {
      throw SinkError(fmt::format("sink-encode: {}: {}", names_.work.string(), error.text));
    }
  }
  const std::lock_guard lock(encoders_mutex_);
  idle_encoders_.push_back(std::move(encoders));
}

void MatroskaSegment::note() {
  if (committed_ && gaps_.size() == durable_.gaps) return;
  describe(Ending::open, durable_.rows, true);
}

void MatroskaSegment::write() {
  if (broken_) return;
  if (!sealed_) {
    if (file_ == nullptr) open_file();
    mux();
  }
  write_at(fd_.get(), names_.work, fresh_, durable_bytes_);
  if (patches_.empty()) return;
  // The file's head tells of an index only when there is one.
  if (::fdatasync(fd_.get()) != 0) fail_io(names_.work, "syncing", errno);
  for (const Patch& patch : patches_) write_at(fd_.get(), names_.work, patch.bytes, patch.offset);
}

void MatroskaSegment::open_file() {
  const std::int64_t start = stream_->time_ns(range_.begin);
  const std::string timestamp = unix_seconds(start);
  const std::string created = runtime::format_time(start, runtime::Precision::microseconds);
  std::vector<mesura_matroska_track> tracks;
  for (const Track& track : tracks_) {
    tracks.push_back(
        {track.title.c_str(), track.channel_tags.c_str(), static_cast<std::uint32_t>(track.columns.size())});
  }
  const mesura_matroska_spec spec{tracks.data(),           static_cast<std::uint32_t>(tracks.size()),
                                  stream_->device.c_str(), timestamp.c_str(),
                                  created.c_str(),         "mesura " MESURA_VERSION,
                                  stream_->period_ns};
  const auto output = [](void* to, std::uint64_t offset, const std::uint8_t* bytes, std::size_t size) {
    try {
      static_cast<MatroskaSegment*>(to)->take_output(offset, {bytes, size});
      return 1;
    } catch (const std::bad_alloc&) {
      return 0;
    }
  };
  mesura_matroska_error error{};
  file_ = module_.file_open(&spec, output, this, &error);
  check(file_ != nullptr ? 1 : 0, error);
}

/// The encoded frames as clusters, and the index behind the last one.
void MatroskaSegment::mux() {
  mesura_matroska_error error{};
  for (const Frame& frame : frames_) {
    for (std::size_t t = 0; t < frame.packets.size(); ++t) {
      std::uint64_t row = frame.row;
      for (const Packet& packet : frame.packets[t]) {
        check(module_.file_packet(file_, static_cast<std::uint32_t>(t), row, packet.rows, packet.bytes.data(),
                                  packet.bytes.size(), &error),
              error);
        row += packet.rows;
      }
    }
  }
  if (!frames_.empty()) check(module_.file_flush(file_, &error), error);
  frames_.clear();
  frame_open_ = false;
  planned_.gaps = gaps_.size();
  muxed_ = {std::max(muxed_.run_row, planned_.run_row), planned_.rows, planned_.gaps};
  if (finishing_) {
    check(module_.file_finish(file_, &error), error);
    sealed_ = true;
  }
}

void MatroskaSegment::check(int done, const mesura_matroska_error& error) {
  if (done != 0) return;
  broken_ = true;
  throw SinkError(fmt::format("sink-encode: {}: {}", names_.work.string(), error.text));
}

void MatroskaSegment::take_output(std::uint64_t offset, std::span<const std::uint8_t> bytes) {
  if (offset < durable_bytes_) {
    const std::size_t some = std::min<std::uint64_t>(bytes.size(), durable_bytes_ - offset);
    patches_.push_back({offset, {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(some)}});
    bytes = bytes.subspan(some);
    offset += some;
  }
  if (bytes.empty()) return;
  const std::size_t at = offset - durable_bytes_;
  if (fresh_.size() < at + bytes.size()) fresh_.resize(at + bytes.size());
  std::copy(bytes.begin(), bytes.end(), fresh_.begin() + static_cast<std::ptrdiff_t>(at));
}

void MatroskaSegment::sync() {
  // A write that failed may have left more behind than was tried again.
  if (finishing_) shorten(fd_.get(), names_.work, durable_bytes_ + (broken_ ? 0 : fresh_.size()));
  if (::fdatasync(fd_.get()) != 0) fail_io(names_.work, "syncing", errno);
}

void MatroskaSegment::conclude() {
  if (finishing_ && !renamed_) {
    if (std::rename(names_.work.c_str(), names_.data.c_str()) != 0) fail_io(names_.data, "renaming", errno);
    renamed_ = true;
  }
  if (broken_) return describe(Ending::interrupted, durable_.rows, true);
  describe(finishing_ ? Ending::complete : Ending::open, muxed_.rows, finishing_);
}

void MatroskaSegment::settle() {
  // After a rollback fewer rows may have come again than are encoded: the next ones still begin where the sink thinks.
  settled_row_ = planned_.run_row;
  durable_ = muxed_;
  planned_ = {settled_row_, muxed_.rows, muxed_.gaps};
  durable_bytes_ += fresh_.size();
  fresh_.clear();
  patches_.clear();
  committed_ = true;
}

void MatroskaSegment::rollback() {
  frames_.clear();
  frame_open_ = false;
  gaps_.resize(muxed_.gaps);
  planned_ = {settled_row_, muxed_.rows, muxed_.gaps};
  finishing_ = false;
}

void MatroskaSegment::remove() noexcept {
  ::unlink(names_.work.c_str());
  if (renamed_) ::unlink(names_.data.c_str());
  ::unlink(names_.sidecar.c_str());
}

bool MatroskaSegment::still_there() const {
  struct stat file {};
  return ::fstat(fd_.get(), &file) == 0 && file.st_nlink > 0;
}

void MatroskaSegment::describe(Ending ending, std::uint64_t rows, bool durable) const {
  put_file(names_.sidecar,
           sidecar_text(*stream_, names_.data.filename().string(), range_.begin, fill_, rows, gaps_, ending, &tracks_),
           durable ? Sync::now : Sync::later);
}

}  // namespace mesura::sinks::recording
