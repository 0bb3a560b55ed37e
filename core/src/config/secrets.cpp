// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/secrets.hpp"

#include "config/text.hpp"
#include "config/yaml_document.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace mesura::config {
namespace {

constexpr std::size_t kLargestSecret = 64U << 10U;
constexpr std::string_view kFileName = "secrets.yaml";

bool variable_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool variable_name(std::string_view name) {
  return !name.empty() && !(name.front() >= '0' && name.front() <= '9') &&
         std::all_of(name.begin(), name.end(), variable_character);
}

std::optional<std::string> process_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>{value};
}

std::string system_message(int error) { return std::generic_category().message(error); }

}  // namespace

FileText read_text_file(const std::filesystem::path& path, std::size_t largest) {
  // O_NONBLOCK: a FIFO must not hold up the start; it is refused below.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return {{}, system_message(errno)};
  FileText out;
  struct stat info {};
  if (::fstat(fd, &info) != 0) {
    out.error = system_message(errno);
  } else if (!S_ISREG(info.st_mode)) {
    out.error = S_ISDIR(info.st_mode) ? "it is a directory" : "it is no regular file";
  } else {
    char buffer[16384];
    for (;;) {
      const ssize_t n = ::read(fd, buffer, sizeof buffer);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) out.error = system_message(errno);
      if (n <= 0) break;
      out.text.append(buffer, static_cast<std::size_t>(n));
      if (out.text.size() > largest) {
        out.error = fmt::format("it is larger than {} bytes", largest);
        break;
      }
    }
  }
  ::close(fd);
  if (!out.error.empty()) out.text.clear();
  return out;
}

Secrets::Secrets(std::filesystem::path directory, Environment environment)
    : directory_(directory.empty() ? std::filesystem::path(".") : std::move(directory)),
      environment_(environment ? std::move(environment) : process_environment) {}

void Secrets::load(Diagnostics& out) {
  loaded_ = true;
  std::error_code ignored;
  const auto here = std::filesystem::absolute(directory_, ignored).lexically_normal();
  std::filesystem::path found;
  for (const auto& directory : {directory_, here.parent_path().empty() ? here : here.parent_path()}) {
    if (!std::filesystem::exists(directory / kFileName, ignored)) continue;
    found = directory / kFileName;
    break;
  }
  if (found.empty()) return;
  source_ = found.lexically_normal().string();

  const auto fail = [&](Mark mark, std::string message, std::string hint) {
    broken_ = true;
    Diagnostic d;
    d.code = "cfg-secrets";
    d.file = source_;
    d.mark = mark;
    d.message = std::move(message);
    d.hint = std::move(hint);
    out.add(std::move(d));
  };
  const FileText read = read_text_file(found, YamlDocument::kLargestText);
  if (!read.error.empty()) return fail({}, "can't be read: " + read.error, {});
  const auto document = YamlDocument::parse(read.text, source_, out);
  if (!document) {
    broken_ = true;
    return;
  }
  if (!document->root().IsDefined() || document->root().IsNull()) return;
  if (!document->root().IsMap())
    return fail(document->mark(document->root().Mark()), "is no map", "one 'name: text' a line");
  for (const auto& pair : document->root()) {
    const YAML::Node& key = pair.first;
    const YAML::Node& value = pair.second;
    const Mark mark = document->mark(key.Mark());
    if (!key.IsScalar() || !value.IsScalar() || value.Scalar().empty()) {
      fail(mark, "an entry is not of the form 'name: text'", {});
    } else if (!texts_.emplace(key.Scalar(), value.Scalar()).second) {
      fail(mark, fmt::format("{} stands there twice", quote(key.Scalar())), {});
    } else {
      names_.push_back(key.Scalar());
    }
  }
}

Resolved Secrets::secret(const std::string& name, Diagnostics& out) {
  if (!loaded_) load(out);
  if (const auto it = texts_.find(name); it != texts_.end()) return {it->second, {}, {}, {}, {}};
  if (source_.empty())
    return {{},
            "cfg-secret",
            fmt::format("names the secret {}, but there is no {}", quote(name), kFileName),
            fmt::format("{} beside this file or in the directory above", kFileName),
            {}};
  const std::string hint = broken_ ? fmt::format("mend {} first", source_) : did_you_mean(name, names_);
  return {{}, "cfg-secret", fmt::format("names the secret {}, which is not in {}", quote(name), source_), {}, hint};
}

Resolved Secrets::expand(std::string_view text) const {
  Resolved out;
  while (!text.empty()) {
    const std::size_t dollar = text.find("${");
    if (dollar == std::string_view::npos) break;
    if (dollar > 0 && text[dollar - 1] == '$') {
      out.text.append(text.substr(0, dollar - 1)).append("${");
      text.remove_prefix(dollar + 2);
      continue;
    }
    out.text.append(text.substr(0, dollar));
    text.remove_prefix(dollar + 2);
    const std::size_t close = text.find('}');
    const std::string_view inside = text.substr(0, close);
    const std::size_t separator = inside.find(":-");
    const std::string_view name = inside.substr(0, separator);
    if (close == std::string_view::npos || !variable_name(name))
      return {{},
              "cfg-env",
              "has a '${' that names no environment variable",
              "${NAME} or ${NAME:-default}",
              "write $${ for the characters themselves"};
    auto value = environment_(std::string(name));
    // As in a shell, ":-" serves for a variable that is set to nothing, too.
    if (value && value->empty() && separator != std::string_view::npos) value.reset();
    if (!value && separator == std::string_view::npos)
      return {{},
              "cfg-env",
              fmt::format("names the environment variable '{}', which is not set", name),
              {},
              fmt::format("set it, or give a default: ${{{}:-...}}", name)};
    out.text.append(value ? std::string_view(*value) : inside.substr(separator + 2));
    text.remove_prefix(close + 1);
  }
  out.text.append(text);
  return out;
}

Resolved Secrets::file(const std::string& path) const {
  FileText read = read_text_file(directory_ / path, kLargestSecret);
  if (!read.error.empty())
    return {{},
            "cfg-secret-file",
            fmt::format("names the file {}, which can't be read: {}", quote(path), read.error),
            {},
            {}};
  if (!read.text.empty() && read.text.back() == '\n') read.text.pop_back();
  if (!read.text.empty() && read.text.back() == '\r') read.text.pop_back();
  if (read.text.empty())
    return {{}, "cfg-secret-file", fmt::format("names the file {}, which is empty", quote(path)), {}, {}};
  return {std::move(read.text), {}, {}, {}, {}};
}

}  // namespace mesura::config
