// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>
#include <mesura/sink.hpp>

#include "runtime/log.hpp"
#include "runtime/unique_fd.hpp"
#include "sinks/recording/cuts.hpp"
#include "sinks/recording/layout.hpp"
#include "sinks/recording/matroska/module.h"
#include "sinks/recording/matroska_segment.hpp"
#include "sinks/recording/segment.hpp"
#include "sinks/recording/sidecar.hpp"
#include "sinks/recording/workers.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace mesura::sinks::recording {

enum class Form : std::uint8_t {
  plain,    ///< float32 as it comes
  matroska  ///< WavPack in Matroska
};

struct Options {
  std::filesystem::path directory;
  Cuts cuts = {};
  Fill fill = Fill::none;
  Form form = Form::plain;
  Streams streams = Streams::single;  ///< of Matroska
  Compression compression = {};       ///< of Matroska
  /// Set: one file of this name (without ending) in the directory itself, which must exist and is neither locked nor
  /// repaired. For one run of one device without cuts; a second file is an error of write().
  std::string name = {};
};

/// Waveforms as files, a directory a device. The folder's README has the forms.
///
/// Takes blocks of waveform only. Rows are known by their number in the run, a run by its start when it was recorded by
/// an earlier process: a block that comes again changes nothing.
/// Durable means written and synced: once for each file and write(), however many blocks it has.
class RecordingSink final : public Sink {
 public:
  /// Nothing is opened yet.
  RecordingSink(Options options, runtime::Logger log);
  ~RecordingSink() override;

  void open() override;
  WriteResult write(std::span<const BatchPtr> batches) override;
  void maintain(std::int64_t now_ns) override;
  void close() override;
  [[nodiscard]] std::string describe() const override;

 private:
  using StreamPtr = std::shared_ptr<const WaveformStream>;
  using SegmentPtr = std::shared_ptr<Segment>;

  /// Where a device's recording has got to.
  struct Position {
    StreamPtr stream;
    SegmentPtr segment;
    std::uint64_t next = 0;                      ///< the row that should come, of `stream`
    std::map<std::uint64_t, std::uint64_t> old;  ///< the same of the runs before, by WaveformStream::id
  };
  struct Device {
    std::string stem;
    std::filesystem::path directory;
    Position position;
    std::optional<Position> before;  ///< at the beginning of this write()
    std::optional<std::int64_t> idle_since_ns;
    std::map<std::string, std::uint64_t> recorded;  ///< the same of runs that were found on the disk, by run_key()
  };

  void repair();
  Device& device_of(const WaveformStream& stream);
  void take(Device& device, const Waveform& block);
  void change_run(Device& device, const StreamPtr& stream);
  void place_rows(Device& device, const Waveform& block, std::uint64_t first);
  [[nodiscard]] std::uint64_t first_wanted(Device& device, const Waveform& block);
  void begin_segment(Device& device, std::uint64_t row);
  [[nodiscard]] SegmentPtr make_segment(const Device& device, Cuts::Range range) const;
  void end_segment(Device& device);
  [[nodiscard]] bool too_far(const Position& position, std::uint64_t to) const;
  void store();
  void store_encoded();
  void forget_write();
  void finish(Device& device);

  Options options_;
  runtime::Logger log_;
  runtime::UniqueFd directory_;
  std::unordered_map<std::string, Device> devices_;
  std::vector<Device*> touched_;                                          // by this write()
  std::vector<SegmentPtr> work_;                                          // of this write(), each once
  std::map<std::string, std::map<std::string, std::uint64_t>> recorded_;  // of devices not yet seen, by stem
  const mesura_matroska_module* module_ = nullptr;
  Workers workers_;
};

}  // namespace mesura::sinks::recording
