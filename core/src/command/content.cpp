// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "command/content.hpp"

#include "runtime/unique_fd.hpp"

#include <Poco/Base64Decoder.h>
#include <Poco/Base64Encoder.h>
#include <Poco/Exception.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <sstream>
#include <system_error>

namespace mesura::command {

namespace {

/// Files of a folder: more is no firmware, but somebody's home directory.
constexpr std::size_t kMostFiles = 2000;

bool hidden(const std::filesystem::path& path) { return path.filename().string().starts_with('.'); }

}  // namespace

Content read_content(const std::string& path, std::size_t limit) {
  const auto problem = [&](std::string_view what) {
    return Content{{}, fmt::format("{}: {}", path == "-" ? "standard input" : path, what)};
  };
  runtime::UniqueFd opened;
  int fd = STDIN_FILENO;
  if (path != "-") {
    opened = runtime::UniqueFd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!opened) return problem(std::strerror(errno));
    struct stat status {};
    if (::fstat(opened.get(), &status) == 0 && S_ISDIR(status.st_mode)) return problem("is a folder");
    fd = opened.get();
  }
  Content content;
  char block[65536];
  for (;;) {
    const auto n = ::read(fd, block, sizeof block);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return problem(std::strerror(errno));
    if (n == 0) return content;
    content.bytes.append(block, static_cast<std::size_t>(n));
    if (content.bytes.size() > limit) return problem(fmt::format("has more than {} bytes", limit));
  }
}

Tree read_tree(const std::string& folder, std::size_t limit) {
  Tree tree;
  std::error_code error;
  std::filesystem::recursive_directory_iterator entries{folder, error};
  if (error) return {{}, fmt::format("{}: {}", folder, error.message())};
  for (const auto end = std::filesystem::end(entries); entries != end; entries.increment(error)) {
    if (error) return {{}, fmt::format("{}: {}", folder, error.message())};
    const auto& path = entries->path();
    if (hidden(path)) {
      if (entries->is_directory(error)) entries.disable_recursion_pending();
      continue;
    }
    if (entries->is_symlink(error) || !entries->is_regular_file(error)) continue;
    if (tree.files.size() == kMostFiles) return {{}, fmt::format("{}: more than {} files", folder, kMostFiles)};
    auto content = read_content(path.string(), limit);
    if (!content.problem.empty()) return {{}, content.problem};
    limit -= std::min(limit, content.bytes.size());
    tree.files.emplace(path.lexically_relative(folder).generic_string(), std::move(content.bytes));
  }
  if (tree.files.empty()) return {{}, fmt::format("{}: there is no file in it", folder)};
  return tree;
}

std::string to_base64(std::string_view bytes) {
  std::ostringstream out;
  Poco::Base64Encoder encoder{out};
  encoder.rdbuf()->setLineLength(0);
  encoder.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  encoder.close();
  return out.str();
}

std::optional<std::string> from_base64(std::string_view text) {
  // The decoder passes over what it does not know.
  const auto letter = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
  };
  const auto letters = text.substr(0, std::min(text.find('='), text.size()));
  if (text.size() % 4 != 0 || text.size() - letters.size() > 2 ||
      !std::all_of(letters.begin(), letters.end(), letter) ||
      text.find_first_not_of('=', letters.size()) != std::string_view::npos)
    return std::nullopt;
  try {
    std::istringstream in{std::string{text}};
    Poco::Base64Decoder decoder{in};
    return std::string{std::istreambuf_iterator<char>{decoder}, {}};
  } catch (const Poco::Exception&) {
    return std::nullopt;
  }
}

}  // namespace mesura::command
