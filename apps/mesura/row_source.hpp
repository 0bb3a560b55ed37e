// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Where the rows of a device come from: the device itself, or a service that has it open.
#pragma once

#include "config/configuration.hpp"
#include "plugin/loader.hpp"
#include "runtime/event_loop.hpp"
#include "runtime/log.hpp"
#include "runtime/unique_fd.hpp"
#include "service/waveform_stream.hpp"
#include "session/device.hpp"

#include <mesura/measurement.hpp>

#include <functional>
#include <memory>
#include <string>

namespace mesura::app {

/// Why no more rows come.
struct RowsEnd {
  bool good = false;    ///< a recording that was read to its end
  std::string code;     ///< "rec-lost"
  std::string message;  ///< for people
};

/// Belongs to the loop's thread. Callbacks come from there, also from stop(); none comes after it.
class RowSource {
 public:
  struct Callbacks {
    std::function<void(const BatchPtr&)> on_block;  ///< of waveform
    /// At most once. Not from within on_block: a source may be destroyed here, after the callback has returned.
    std::function<void(RowsEnd)> on_end;
  };
  virtual ~RowSource() = default;
  RowSource() = default;
  RowSource(const RowSource&) = delete;
  RowSource& operator=(const RowSource&) = delete;

  virtual void start() = 0;
  /// What was taken from the device and not told yet is told now.
  virtual void stop() = 0;
  /// What the device calls itself, or "".
  [[nodiscard]] virtual std::string own_name() const { return {}; }
  /// What there is to say while no rows come: "tcp lab:54321 is connecting: refused".
  [[nodiscard]] virtual std::string state() const = 0;
  /// Blocks from the run's first row on are ours: what is missing there was lost.
  [[nodiscard]] virtual bool sees_begin() const = 0;
};

/// The device itself. A connection that is lost after the first row ends it: what comes later is another run.
class DirectRows final : public RowSource {
 public:
  struct Context {
    runtime::EventLoop& loop;
    std::shared_ptr<runtime::Log> log;
    SeriesTable& series;
    const plugin::PluginSet& plugins;
    std::string zone;
  };
  DirectRows(const Context& context, const config::DeviceConfig& device, Callbacks callbacks);
  ~DirectRows() override;

  void start() override;
  void stop() override;
  [[nodiscard]] std::string own_name() const override;
  [[nodiscard]] std::string state() const override;
  [[nodiscard]] bool sees_begin() const override { return true; }

 private:
  void watch();
  void end(RowsEnd reason);

  runtime::EventLoop& loop_;
  SeriesTable& series_;
  Callbacks callbacks_;
  session::Device device_;
  runtime::EventLoop::TimerId timer_ = 0;
  bool begun_ = false;     ///< rows have come
  bool measures_ = false;  ///< something else has come
  std::uint64_t reconnects_ = 0;
};

/// Through the control socket of a running service.
class ServiceRows final : public RowSource {
 public:
  /// `fd`: to which the request has been sent.
  ServiceRows(runtime::EventLoop& loop, runtime::UniqueFd fd, const std::string& device, Callbacks callbacks);
  ~ServiceRows() override;

  void start() override;
  void stop() override;
  [[nodiscard]] std::string state() const override { return "the service has sent no rows of it"; }
  [[nodiscard]] bool sees_begin() const override { return false; }

 private:
  void read();
  void take(std::string_view bytes);
  void end(RowsEnd reason);

  runtime::EventLoop& loop_;
  runtime::UniqueFd fd_;
  Callbacks callbacks_;
  service::WaveformReader reader_;
  runtime::EventLoop::WatchId watch_ = 0;
  enum class Answer { unknown, good, bad } answer_ = Answer::unknown;
  std::string text_;  ///< of the first line, or of an error
};

}  // namespace mesura::app
