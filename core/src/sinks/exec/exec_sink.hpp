// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>
#include <mesura/sink.hpp>

#include "runtime/log.hpp"
#include "sinks/exec/acknowledgements.hpp"
#include "sinks/exec/child.hpp"
#include "sinks/exec/line_log.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace mesura::sinks::exec {

struct Options {
  Command command;
  bool acknowledged = true;                                     ///< false: what the pipe has taken counts as stored
  std::chrono::nanoseconds timeout = std::chrono::seconds{30};  ///< without progress, and for the child to end
};

/// JSON lines to the stdin of a program. The folder's README is its interface: what the lines are, what the program
/// answers, how it is started and ended.
class ExecSink final : public Sink {
 public:
  /// `series` must outlive the sink. Nothing is started yet.
  ExecSink(Options options, const SeriesTable& series, runtime::Logger log);
  ~ExecSink() override;

  void open() override;
  WriteResult write(std::span<const BatchPtr> batches) override;
  void maintain(std::int64_t now_ns) override;
  void close() override;
  [[nodiscard]] std::string describe() const override;

 private:
  using SteadyTime = Child::SteadyTime;
  /// Which record a line is.
  struct Origin {
    std::uint32_t batch;
    std::uint32_t item;
  };
  /// One write() under way.
  struct Work {
    std::span<const BatchPtr> batches;
    std::size_t next = 0;           ///< the batch to render next
    std::uint64_t first = 0;        ///< lines sent before
    std::vector<Origin> lines;      ///< rendered
    std::vector<std::size_t> ends;  ///< per rendered batch: lines.size() after it
    std::vector<Rejected> rejected;
  };

  void render(Work& work);
  [[nodiscard]] bool finished(const Work& work) const;
  // These answer why it cannot go on, if so.
  std::optional<std::string> run(Work& work);
  std::optional<std::string> feed();
  std::optional<std::string> listen();
  [[nodiscard]] std::string ended(std::string_view otherwise);
  [[nodiscard]] std::string stalled(const Work& work, bool hopeless) const;
  WriteResult give_up(Work& work, std::string reason);
  void hear_out();
  void note_rejections(Work& work);
  [[nodiscard]] std::size_t answered(const Work& work) const;
  void drop_child();

  const Options options_;
  const SeriesTable& series_;
  const runtime::Logger log_;
  std::unique_ptr<Child> child_;
  std::unique_ptr<LineLog> errors_;
  std::unique_ptr<LineLog> output_;  // where it is not asked for answers
  Acknowledgements answers_;
  std::uint64_t lines_ = 0;  // rendered for this child
  std::uint64_t sent_ = 0;   // of them, in its pipe: whole ones
  std::string out_;          // rendered, not yet in the pipe
  std::size_t taken_ = 0;    // of out_
  bool told_weak_ = false;
};

}  // namespace mesura::sinks::exec
