// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sinks/exec/exec_sink.hpp"
#include "sinks/tests/sink_fixtures.hpp"

#include <string>
#include <vector>

namespace mesura::sinks::test {

/// The exec sink with a program that keeps its lines in a file; exec_child.cpp.
class ExecAdapter final : public Adapter {
 public:
  [[nodiscard]] std::string name() const override { return "exec"; }
  [[nodiscard]] std::unique_ptr<Sink> make(const SeriesTable& series) const override;
  [[nodiscard]] Stored read(const std::vector<std::string>& devices) const override;
  [[nodiscard]] std::size_t rows(const std::vector<std::string>& devices) const override;
  [[nodiscard]] std::shared_ptr<void> lock() const override;
  [[nodiscard]] std::shared_ptr<void> small_disk() const override;
  [[nodiscard]] bool row_per_value() const override { return true; }

  [[nodiscard]] std::filesystem::path store() const { return directory() / "store.jsonl"; }
  /// The program with its store and a way to misbehave, or none.
  [[nodiscard]] exec::Options options(const std::string& how = {}) const;
  /// The lines of the store.
  [[nodiscard]] std::vector<std::string> lines() const;
};

/// The text of a member of one of our flat JSON objects, unescaped if it was a string.
struct JsonMember {
  std::string text;
  bool string = false;
};
[[nodiscard]] std::map<std::string, JsonMember> parse_json_line(const std::string& line);

}  // namespace mesura::sinks::test
