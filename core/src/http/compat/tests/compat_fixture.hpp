// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A device, its decoder, a sqlite sink, memory, and the routes that old clients ask: everything but the sockets.
#pragma once

#include "database/sqlite.hpp"
#include "http/compat/context.hpp"
#include "plugin/loader.hpp"
#include "session/offline.hpp"
#include "sinks/sqlite/sqlite_sink.hpp"
#include "store/archive.hpp"

#include "support/temp_dir.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::http::test {

/// 2024-02-12T17:17:42Z of "2024-02-12 17:17:42", in ns.
[[nodiscard]] std::int64_t utc(const std::string& text);

/// GET, by the routes' patterns; 404 "no route" when none takes it. `target`: "/cmds?cmd=status".
[[nodiscard]] Response get(const std::vector<Route>& routes, const std::string& target);
[[nodiscard]] std::string header(const Response& response, std::string_view name);

/// A site with one device.
class Site {
 public:
  /// `plugin`: loaded from the build tree. `commands`: the plugin's options.
  explicit Site(std::string plugin, std::string zone = "Europe/Brussels");
  ~Site();
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;

  /// Bytes from the device; what the decoder makes of them goes to memory and to the sink.
  void feed(std::string_view bytes, std::int64_t received_ns);
  /// Into the sink only, as if measured long ago.
  void write(const std::vector<BatchPtr>& batches);
  /// Another start of the program: what was in memory is gone.
  void restart();
  /// The sink stops, as at the program's end: the running quarter hour is written.
  void stop();
  /// Raw rows go with this age from now on.
  void keep_raw(std::chrono::nanoseconds age);
  /// The sink's work in quiet times.
  void maintain(std::int64_t now_ns);
  /// False: the sink gets nothing (live only).
  bool store = true;
  /// Thins what the sink gets.
  std::function<bool(const Batch&)> stored = [](const Batch&) { return true; };

  [[nodiscard]] compat::Context context();
  [[nodiscard]] Live& live() { return *live_; }
  [[nodiscard]] SeriesTable& series() { return *series_; }
  [[nodiscard]] runtime::ManualClock& clock() { return clock_; }
  [[nodiscard]] std::filesystem::path file() const { return dir_.path() / "store.db"; }

 private:
  void start();

  std::string plugin_;
  std::string zone_;
  mesura::test::TempDir dir_;
  runtime::ManualClock clock_;
  std::optional<std::chrono::nanoseconds> keep_raw_;
  std::unique_ptr<SeriesTable> series_;
  std::unique_ptr<Live> live_;
  std::unique_ptr<sinks::sqlite::SqliteSink> sink_;
  std::unique_ptr<session::Offline> offline_;
  std::shared_ptr<store::StorePool> stores_;
};

}  // namespace mesura::http::test
