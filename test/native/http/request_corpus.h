#pragma once

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// Reads test/requests: the raw requests, and what is expected of each (test/requests/README.md).
namespace uwsgiref::test {

/// One request of a file.
struct ExpectedRequest {
  // Refused:
  int status = 0;  ///< 0: accepted
  std::string says;
  size_t read_to = 0;  ///< bytes of the file, the refused one among them

  // Accepted:
  std::string method, path, query, body;
  bool persists = true;
  bool interim = false;
};

struct CorpusFile {
  std::string name;
  std::string bytes;
  std::vector<ExpectedRequest> requests;
};

inline std::string read_file(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

/// Undoes \r \n \t \\ and \xHH.
inline std::string unescape(std::string_view text) {
  std::string bytes;
  while (!text.empty()) {
    const size_t plain = std::min(text.find('\\'), text.size());
    bytes += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    size_t taken = 2;
    switch (text.size() > 1 ? text[1] : '\0') {
      case 'r':
        bytes += '\r';
        break;
      case 'n':
        bytes += '\n';
        break;
      case 't':
        bytes += '\t';
        break;
      case '\\':
        bytes += '\\';
        break;
      case 'x': {
        taken = 4;
        unsigned byte = 0;
        const std::string_view digits = text.substr(2, 2);
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
        if (error != std::errc() || end != digits.data() + 2) throw std::runtime_error("bad escape");
        bytes += static_cast<char>(byte);
        break;
      }
      default:
        throw std::runtime_error("bad escape");
    }
    text.remove_prefix(taken);
  }
  return bytes;
}

/// The first `what` of `text` stands for `count` of it.
inline void repeat(std::string& text, std::string_view what, size_t count) {
  const size_t at = text.find(what);
  if (at == std::string::npos) return;
  std::string many;
  for (size_t i = 0; i < count; ++i) many += what;
  text.replace(at, what.size(), many);
}

inline size_t number_of(std::string_view text) {
  size_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// Whether a block says `400 sentence`, not `METHOD /path`.
inline bool is_refusal(std::string_view block) { return !block.empty() && block[0] >= '0' && block[0] <= '9'; }

/// One block of an expectation: its first line, then lines of `key: value`.
inline ExpectedRequest expected_request(const std::string& block, std::string_view bytes) {
  ExpectedRequest expected;
  const std::vector<std::string> lines = lines_of(block);
  const size_t space = std::min(lines[0].find(' '), lines[0].size());
  const std::string word = lines[0].substr(0, space);
  const std::string rest = lines[0].substr(std::min(space + 1, lines[0].size()));
  if (is_refusal(block)) {
    expected.status = static_cast<int>(number_of(word));
    expected.says = rest;
    expected.read_to = bytes.size();
  } else {
    expected.method = word;
    expected.path = unescape(rest);
  }
  for (size_t at = 1; at < lines.size(); ++at) {
    const size_t colon = lines[at].find(':');
    if (colon == std::string::npos) throw std::runtime_error("no key and value: " + lines[at]);
    const std::string key = lines[at].substr(0, colon);
    const std::string value = unescape(lines[at].substr(std::min(colon + 2, lines[at].size())));
    if (key == "QUERY_STRING") {
      expected.query = value;
    } else if (key == "body") {
      expected.body = value;
    } else if (key == "connection") {
      expected.persists = value != "close";
    } else if (key == "interim") {
      expected.interim = true;
    } else if (key == "at byte") {
      expected.read_to = number_of(value);
    } else if (key == "read to") {
      const size_t found = bytes.find(value);
      if (found == std::string_view::npos) throw std::runtime_error("what is to be read to is not there");
      expected.read_to = found + value.size();
    } else if (key != "absent" && key.find_first_of("abcdefghijklmnopqrstuvwxyz") != std::string::npos) {
      throw std::runtime_error("unknown key " + key);
    }
    // All other keys are of the environ, which is none of the engine's.
  }
  return expected;
}

inline CorpusFile read_corpus_file(const std::filesystem::path& path, std::string name) {
  CorpusFile file{std::move(name), read_file(path), {}};
  std::string expectation = read_file(std::filesystem::path(path).replace_extension(".expect"));
  size_t end = expectation.find("\n\n");
  if (end == std::string::npos) throw std::runtime_error(file.name + " has no expectation");
  std::string many;
  size_t count = 0;
  for (const std::string& line : lines_of(expectation.substr(0, end))) {
    if (!line.starts_with("repeat: ")) continue;
    const std::string rule = line.substr(8);
    count = number_of(rule);
    many = unescape(rule.substr(rule.find(' ') + 1));
    repeat(file.bytes, many, count);
  }
  while (end != std::string::npos) {
    const size_t begin = end + 2;
    end = expectation.find("\n\n", begin);
    std::string block = expectation.substr(begin, end == std::string::npos ? end : end - begin);
    if (count > 0 && !is_refusal(block)) repeat(block, many, count);
    file.requests.push_back(expected_request(block, file.bytes));
  }
  return file;
}

/// Every file of `directory`, which is "valid" or "invalid".
inline std::vector<CorpusFile> read_corpus(const std::string& directory) {
  const std::filesystem::path root = REQUEST_CORPUS;
  std::vector<CorpusFile> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root / directory)) {
    const std::filesystem::path& path = entry.path();
    if (path.extension() == ".http") files.push_back(read_corpus_file(path, path.lexically_relative(root).string()));
  }
  std::sort(files.begin(), files.end(), [](const auto& left, const auto& right) { return left.name < right.name; });
  return files;
}

}  // namespace uwsgiref::test
