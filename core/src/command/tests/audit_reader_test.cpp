// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "command/audit_reader.hpp"

#include <fmt/format.h>
#include <support/catch.hpp>
#include <support/temp_dir.hpp>

#include <fstream>
#include <string>
#include <vector>

using namespace mesura::command;
using mesura::test::TempDir;

namespace {

std::string line(int n, const std::string& device, const std::string& event = "write") {
  return fmt::format(
      R"({{"time":"2026-06-14T12:{:02}:{:02}.000Z","event":"{}","id":"a-{}","device":"{}","command":"set","arguments":{{"n":{}}},)"
      R"("who":"anna","via":"cli","from":"","link":"data","to":"","size":2,"sent":"N{}"}})",
      n / 60 % 60, n % 60, event, n, device, n, n);
}

void write(const std::filesystem::path& file, const std::string& text) {
  std::ofstream{file, std::ios::binary} << text;
}

std::vector<std::string> ids(const AuditPage& page) {
  std::vector<std::string> ids;
  for (const auto& entry : page.entries) ids.push_back(entry.id);
  return ids;
}

}  // namespace

TEST_CASE("the audit log is read from its end, page by page, by device and time") {
  const TempDir dir;
  const auto file = dir / "audit.jsonl";
  CHECK(read_audit(file, {}).entries.empty());
  CHECK(read_audit(file, {}).problem.empty());

  // More than several blocks.
  std::string text;
  for (int i = 0; i < 3000; ++i) text += line(i, i % 3 == 0 ? "lab" : "ct6_kitchen") + "\n";
  write(file, text);

  std::vector<std::string> all;
  AuditQuery query;
  query.limit = 700;
  for (;;) {
    const auto page = read_audit(file, query);
    CHECK(page.broken == 0);
    for (const auto& entry : page.entries) all.push_back(entry.id);
    if (!page.next) break;
    query.before = page.next;
  }
  REQUIRE(all.size() == 3000);
  for (int i = 0; i < 3000; ++i) REQUIRE(all[static_cast<std::size_t>(i)] == fmt::format("a-{}", 2999 - i));

  AuditQuery lab;
  lab.devices = {"la?"};
  lab.limit = 2;
  CHECK(ids(read_audit(file, lab)) == std::vector<std::string>{"a-2997", "a-2994"});
  AuditQuery kitchen;
  kitchen.devices = {"nobody", "ct6_*"};
  kitchen.from_ns = parse_audit_line(line(100, "x"))->time_ns;
  kitchen.to_ns = parse_audit_line(line(104, "x"))->time_ns;
  CHECK(ids(read_audit(file, kitchen)) == std::vector<std::string>{"a-103", "a-101", "a-100"});

  const auto entry = read_audit(file, lab).entries.front();
  CHECK(entry.who == "anna");
  CHECK(entry.arguments == R"({"n":2997})");
  CHECK(entry.sent == "N2997");
  CHECK(entry.line == line(2997, "lab"));
}

TEST_CASE("broken lines of the audit log are counted and cost only themselves") {
  const TempDir dir;
  const auto file = dir / "audit.jsonl";
  // A writer that was killed in the middle, and the next one's line behind it; noise; too long; a half one at the end.
  write(file, line(1, "lab") + "\n" + line(2, "lab").substr(0, 60) + line(3, "lab") + "\n\x01\xff garbage\n{}\n\n" +
                  std::string(1'500'000, 'x') + "\n" + line(4, "lab") + "\n" + line(5, "lab").substr(0, 50));
  const auto page = read_audit(file, {});
  CHECK(ids(page) == std::vector<std::string>{"a-4", "a-3", "a-1"});
  CHECK(page.broken == 5);
  CHECK(page.problem.empty());
  CHECK(!page.next);

  CHECK(!read_audit(dir.path(), {}).problem.empty());

  std::string json;
  append_entries(json, page.entries);
  CHECK(json == "[" + line(4, "lab") + "," + line(3, "lab") + "," + line(1, "lab") + "]");
}
