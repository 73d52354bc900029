using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using Xunit;

namespace RedisClusterOps.Module.Tests;

/// <summary>The pages name what exists, and all of it.</summary>
public sealed class PageTests
{
    private static readonly string[] Pages =
    [
        "README.md", "SECURITY.md", "CONTRIBUTING.md",
        .. Directory.EnumerateFiles(Repository.Path("docs"), "*.md", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Repository.Root, file).Replace('\\', '/')),
    ];

    [Fact]
    public void Troubleshooting_has_every_error_id_once_and_no_other()
    {
        var page = Repository.Text("docs/troubleshooting.md").Split("## Error ids")[1];
        var ids = Regex.Matches(page, @"^\| `(\w+)` \|", RegexOptions.Multiline).Select(match => match.Groups[1].Value);
        Assert.Equal(Enum.GetNames<FailureCode>().Order(StringComparer.Ordinal), ids.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_states_page_has_every_state_once_and_no_other()
    {
        var page = Repository.Text("docs/states.md").Split("## The states")[1].Split("\n## ")[0];
        var states = Regex.Matches(page, @"^\| `(\w+)` ", RegexOptions.Multiline).Select(match => match.Groups[1].Value);
        Assert.Equal(Enum.GetNames<RedisOpenSlotState>().Order(StringComparer.Ordinal), states.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_link_leads_to_a_file_and_a_heading()
    {
        var broken = new List<string>();
        foreach (var page in Pages)
        {
            foreach (Match link in Regex.Matches(Repository.Text(page), @"\]\(([^)\s]+)\)"))
            {
                var parts = link.Groups[1].Value.Split('#');
                var (target, anchor) = (parts[0], parts.ElementAtOrDefault(1));
                if (target.Contains("://", StringComparison.Ordinal))
                    continue;
                var file = target.Length == 0 ? Repository.Path(page)
                    : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Repository.Path(page))!, target));
                var exists = File.Exists(file) || Directory.Exists(file);
                if (!exists || (anchor is not null && !Headings(file).Contains(anchor)))
                    broken.Add(page + ": " + link.Groups[1].Value);
            }
        }

        Assert.Empty(broken);
    }

    // As GitHub makes anchors: lower case, no punctuation, hyphens for spaces.
    private static IEnumerable<string> Headings(string file) => File.ReadLines(file)
        .Where(line => line.StartsWith('#'))
        .Select(line => Regex.Replace(line.TrimStart('#').Trim().ToLowerInvariant(), @"[^\w\- ]", string.Empty).Replace(' ', '-'));
}
