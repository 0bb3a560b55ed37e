// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/recording/recording_sink.hpp"

#include "sinks/files.hpp"
#include "sinks/recording/module.hpp"
#include "sinks/recording/plain_segment.hpp"
#include "sinks/recording/repair.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <exception>
#include <system_error>
#include <utility>

namespace mesura::sinks::recording {
namespace {

// A file to which nothing was added for so long is closed: its run has ended, or its device is gone.
constexpr std::int64_t kIdleNs = 60'000'000'000;

/// Why a block can never be written; empty when it can.
std::string fault_of(const Waveform& block) {
  if (!block.stream || block.stream->channels() == 0) return "sink-shape: a block of waveform without channels";
  const WaveformStream& stream = *block.stream;
  if (!(stream.period_ns > 0)) {
    return fmt::format("sink-shape: the rows of {} have no period, got {} ns", stream.device, stream.period_ns);
  }
  if (block.samples.size() != block.rows * stream.channels()) {
    return fmt::format("sink-shape: a block of {} has {} values, expected {} rows of {}", stream.device,
                       block.samples.size(), block.rows, stream.channels());
  }
  return {};
}

}  // namespace

RecordingSink::RecordingSink(Options options, runtime::Logger log)
    : options_(std::move(options)), log_(std::move(log)) {}

RecordingSink::~RecordingSink() = default;

std::string RecordingSink::describe() const { return "recording " + options_.directory.string(); }

void RecordingSink::open() {
  if (leads_to(options_.directory, directory_)) return;
  close();
  if (options_.form == Form::matroska) module_ = &matroska_module();
  if (!options_.name.empty()) {
    directory_ = runtime::UniqueFd{::open(options_.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!directory_) fail_io(options_.directory, "opening directory", errno);
    return;
  }
  directory_ = take_directory(options_.directory, "recordings");
  try {
    repair();
  } catch (const std::filesystem::filesystem_error& e) {
    directory_.reset();
    throw SinkError(fmt::format("sink-io: reading directory {}: {}", options_.directory.string(), e.code().message()));
  }
}

void RecordingSink::repair() {
  recorded_.clear();
  for (const auto& device : std::filesystem::directory_iterator(options_.directory)) {
    if (device.is_directory()) recorded_[device.path().filename().string()] = repair_recordings(device.path(), log_);
  }
}

WriteResult RecordingSink::write(std::span<const BatchPtr> batches) {
  if (!directory_) return WriteResult::retry("sink-closed: " + options_.directory.string() + " is not open");
  WriteResult result;
  touched_.clear();
  work_.clear();
  try {
    for (std::size_t b = 0; b < batches.size(); ++b) {
      const Batch& batch = *batches[b];
      for (std::size_t i = 0; i < batch.items.size(); ++i) {
        result.rejected.push_back({b, i, "sink-waveform: a recording takes blocks of waveform only"});
      }
      if (!batch.waveform) continue;
      if (std::string fault = fault_of(*batch.waveform); !fault.empty()) {
        result.rejected.push_back({b, 0, std::move(fault)});
      } else {
        take(device_of(*batch.waveform->stream), *batch.waveform);
      }
    }
    store();
  } catch (const SinkError& e) {
    forget_write();
    return WriteResult::retry(e.what());
  }
  return result;
}

/// The device, ready for this write().
RecordingSink::Device& RecordingSink::device_of(const WaveformStream& stream) {
  const auto found = devices_.find(stream.device);
  Device& device = found != devices_.end() ? found->second : devices_[stream.device];
  if (device.stem.empty()) {
    device.stem = file_stem(stream.device);
    device.directory = options_.name.empty() ? options_.directory / device.stem : options_.directory;
    if (const auto known = recorded_.find(device.stem); known != recorded_.end()) {
      device.recorded = std::move(known->second);
      recorded_.erase(known);
    }
  }
  if (!device.before) {
    if (device.position.segment && !device.position.segment->still_there()) {
      log_.warn("sink-gone", "{} was deleted while it was written; a new file begins",
                device.position.segment->path().string());
      device.position.segment.reset();
    }
    device.before = device.position;
    device.idle_since_ns.reset();
    touched_.push_back(&device);
    if (device.position.segment) work_.push_back(device.position.segment);
    if (device.position.segment && !device.position.segment->usable()) {
      log_.warn("sink-broken", "{} can't be continued; a new file begins", device.position.segment->path().string());
      end_segment(device);
    }
  }
  return device;
}

void RecordingSink::take(Device& device, const Waveform& block) {
  Position& at = device.position;
  const bool begins = !at.stream || at.stream->id != block.stream->id;
  if (begins) {
    const std::uint64_t wanted = first_wanted(device, block);
    if (block.first_row + block.rows <= wanted) return;  // a repeat from an earlier run
    change_run(device, block.stream);
    at.next = wanted;
  }
  const std::uint64_t first = std::max(block.first_row, at.next);
  if (first < block.first_row + block.rows) place_rows(device, block, first);
}

/// The row with which a run that is not the present one goes on.
std::uint64_t RecordingSink::first_wanted(Device& device, const Waveform& block) {
  auto& old = device.position.old;
  if (const auto known = old.find(block.stream->id); known != old.end()) return known->second;
  if (const auto known = device.recorded.find(run_key(*block.stream)); known != device.recorded.end()) {
    old[block.stream->id] = known->second;
    log_.info("sink-known", "{}: rows of this run are recorded already, up to row {}", block.stream->device,
              known->second);
    return known->second;
  }
  // What was before the first block we got is not lost: it was never asked for.
  return block.first_row;
}

void RecordingSink::change_run(Device& device, const StreamPtr& stream) {
  Position& at = device.position;
  if (at.stream) at.old[at.stream->id] = at.next;
  if (at.old.size() > kOldRuns) at.old.erase(at.old.begin());
  end_segment(device);
  at.stream = stream;
}

/// Writes the block's rows from `first` on, cut where a file ends.
void RecordingSink::place_rows(Device& device, const Waveform& block, std::uint64_t first) {
  Position& at = device.position;
  const std::size_t channels = at.stream->channels();
  const std::uint64_t end = block.first_row + block.rows;
  for (std::uint64_t row = first; row < end;) {
    if (at.segment && (row >= at.segment->end() || too_far(at, row))) {
      if (const std::uint64_t tail = std::min(row, at.segment->end()); !too_far(at, tail)) {
        if (tail > at.next) at.segment->lose(tail - at.next);
        at.next = tail;
      }
      end_segment(device);
    }
    if (!at.segment) begin_segment(device, row);
    if (row > at.next) at.segment->lose(row - at.next);
    const std::uint64_t rows = std::min(end, at.segment->end()) - row;
    at.segment->append(std::span{block.samples}.subspan((row - block.first_row) * channels, rows * channels));
    row += rows;
    at.next = row;
    if (row == at.segment->end()) end_segment(device);
  }
}

/// True when filling all rows up to `to` would be more than a gap is worth.
bool RecordingSink::too_far(const Position& position, std::uint64_t to) const {
  const std::uint64_t row_bytes = position.stream->channels() * sizeof(float);
  return options_.fill != Fill::none && (to - position.next) > kMostFillBytes / row_bytes;
}

/// A file that holds `row`; it begins where the one before ended, or where a cut lies between.
void RecordingSink::begin_segment(Device& device, std::uint64_t row) {
  Position& at = device.position;
  Cuts::Range range = options_.cuts.around(*at.stream, row);
  range.begin = std::max(range.begin, at.next);
  at.next = range.begin;
  if (too_far(at, row)) at.next = range.begin = row;
  if (::mkdir(device.directory.c_str(), 0755) == 0) {
    sync_directory(options_.directory);
  } else if (errno != EEXIST) {
    fail_io(device.directory, "making directory", errno);
  }
  at.segment = make_segment(device, range);
  work_.push_back(at.segment);
}

RecordingSink::SegmentPtr RecordingSink::make_segment(const Device& device, Cuts::Range range) const {
  const StreamPtr& stream = device.position.stream;
  const Stem stem = options_.name.empty() ? Stem{device.stem} : Stem{options_.name, true};
  if (options_.form == Form::plain) {
    return std::make_shared<PlainSegment>(device.directory, stem, stream, range, options_.fill);
  }
  return std::make_shared<MatroskaSegment>(*module_, device.directory, stem, stream, range, options_.fill,
                                           options_.streams, options_.compression);
}

void RecordingSink::end_segment(Device& device) {
  if (!device.position.segment) return;
  device.position.segment->finish();
  device.position.segment.reset();
}

void RecordingSink::store() {
  if (options_.form == Form::plain) {
    for (const SegmentPtr& segment : work_) segment->note();
    for (const SegmentPtr& segment : work_) segment->write();
    for (const SegmentPtr& segment : work_) segment->sync();
  } else {
    store_encoded();
  }
  for (const SegmentPtr& segment : work_) segment->conclude();
  for (const SegmentPtr& segment : work_) segment->settle();
  for (Device* device : touched_) device->before.reset();
  work_.clear();
}

/// All frames of all files are encoded on all cores: one meter that is behind uses them as well as many. A file is
/// written and synced by whoever has encoded its last frame, while the others go on.
void RecordingSink::store_encoded() {
  struct Frame {
    std::size_t segment;
    std::size_t index;
  };
  constexpr auto kNone = static_cast<std::size_t>(-1);  // of a file that has only to be finished
  std::vector<Frame> frames;
  std::vector<std::atomic<std::size_t>> left(work_.size());
  for (std::size_t s = 0; s < work_.size(); ++s) {
    const std::size_t count = work_[s]->frames();
    left[s] = std::max<std::size_t>(count, 1);
    if (count == 0) frames.push_back({s, kNone});
    for (std::size_t index = 0; index < count; ++index) frames.push_back({s, index});
  }
  workers_.run(frames.size(), [&](std::size_t i) {
    Segment& segment = *work_[frames[i].segment];
    // Where one throws, the count is never reached: nothing of that file is written.
    if (frames[i].index != kNone) segment.encode(frames[i].index);
    if (--left[frames[i].segment] > 0) return;
    segment.note();
    segment.write();
    segment.sync();
  });
}

// Everything as it was before this write(): the same batches come again.
void RecordingSink::forget_write() {
  for (Device* device : touched_) {
    device->position = std::move(*device->before);
    device->before.reset();
  }
  for (const SegmentPtr& segment : work_) {
    const bool kept = std::any_of(touched_.begin(), touched_.end(),
                                  [&](const Device* device) { return device->position.segment == segment; });
    if (kept) {
      segment->rollback();
    } else {
      segment->remove();
    }
  }
  work_.clear();
}

void RecordingSink::maintain(std::int64_t now_ns) {
  for (auto& [name, device] : devices_) {
    if (!device.position.segment) continue;
    if (!device.idle_since_ns) {
      device.idle_since_ns = now_ns;
    } else if (now_ns - *device.idle_since_ns >= kIdleNs) {
      finish(device);
    }
  }
}

void RecordingSink::close() {
  for (auto& [name, device] : devices_) finish(device);
  directory_.reset();
}

/// Closes the device's file; rows that come later get a new one.
void RecordingSink::finish(Device& device) {
  if (!device.position.segment) return;
  const SegmentPtr segment = std::exchange(device.position.segment, nullptr);
  if (!segment->still_there()) return;
  try {
    segment->finish();
    segment->write();
    segment->sync();
    segment->conclude();
    device.position.next = std::max(device.position.next, segment->written());
  } catch (const SinkError& e) {
    // Nothing is lost: the next start closes it.
    log_.warn("sink-close", "{}", e.what());
  }
}

}  // namespace mesura::sinks::recording
