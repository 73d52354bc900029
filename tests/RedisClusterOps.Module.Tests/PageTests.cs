using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Reflection;
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
    public void Troubleshooting_has_every_finding_about_a_plan_once_and_no_other()
    {
        var section = Repository.Text("docs/troubleshooting.md").Split("## Findings about a plan")[1].Split("\n## ")[0];
        var codes = Regex.Matches(section, @"^\| (`\w+` )+\|", RegexOptions.Multiline)
            .SelectMany(row => Regex.Matches(row.Value, @"\w+")).Select(match => match.Value);
        Assert.Equal(Enum.GetNames<PlanFindingCode>().Order(StringComparer.Ordinal), codes.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_states_page_has_every_state_once_and_no_other()
    {
        var page = Repository.Text("docs/states.md").Split("## The states")[1].Split("\n## ")[0];
        var states = Regex.Matches(page, @"^\| `(\w+)` ", RegexOptions.Multiline).Select(match => match.Groups[1].Value);
        Assert.Equal(Enum.GetNames<RedisOpenSlotState>().Order(StringComparer.Ordinal), states.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_cmdlet_and_parameter_on_a_page_exists()
    {
        var parameters = CmdletClass.All.ToDictionary(cmdlet => cmdlet.Name, cmdlet => ParametersOf(cmdlet).ToList());
        var wrong = new List<string>();
        foreach (var page in Pages)
        {
            // A cmdlet, and the parameters that follow it up to the next command. Output may be wrapped in a name.
            var text = Repository.Text(page);
            foreach (Match line in Regex.Matches(
                text, @"(?<!Get-Help )\b[A-Z][a-z]+-Redis[A-Za-z]+(?![A-Za-z…])(?:(?![|;`(){}]| [A-Z][a-z]+-).)*"))
            {
                var name = Regex.Match(line.Value, "^[A-Za-z-]+").Value;
                var isCut = line.Value == name && text[line.Index + name.Length] is '\n' or '\r';
                if (!parameters.TryGetValue(name, out var known) && !(isCut && parameters.Keys.Any(each => each.StartsWith(name))))
                    wrong.Add(page + ": " + name);
                wrong.AddRange(Regex.Matches(line.Value, @"(?<= )-([A-Z][A-Za-z]+)").Select(match => match.Groups[1].Value)
                    .Where(each => known?.Any(parameter => parameter.StartsWith(each, StringComparison.OrdinalIgnoreCase)) == false)
                    .Select(each => page + ": " + name + " -" + each));
            }
        }

        Assert.Empty(wrong);
    }

    [Fact]
    public void Every_type_and_member_on_an_internal_page_exists()
    {
        var sources = Repository.Sources()
            .Select(file => (Name: Path.GetFileNameWithoutExtension(file), Text: File.ReadAllText(file))).ToList();
        var words = sources.SelectMany(source => Regex.Matches(source.Text, @"\w+")).Select(match => match.Value).ToHashSet();
        var folders = new[] { "src", "tests" }
            .SelectMany(root => Directory.EnumerateDirectories(Repository.Path(root), "*", SearchOption.AllDirectories))
            .Select(folder => Path.GetFileName(folder).Replace("RedisClusterOps.", string.Empty)).ToHashSet();
        var wrong = new List<string>();
        foreach (var page in Pages.Where(page => page.StartsWith("docs/internals/", StringComparison.Ordinal)))
        {
            foreach (Match match in Regex.Matches(Repository.Text(page), @"`([A-Z]\w*[a-z]\w*)(?:\.([A-Z]\w*))?`"))
            {
                var (type, member) = (match.Groups[1].Value, match.Groups[2].Value);
                var name = match.Value.Trim('`');
                var exists = member.Length == 0
                    ? words.Contains(type)
                    : sources.Any(source => source.Name == name || (Declares(source.Text, type) && HasWord(source.Text, member)));
                if (!exists && !folders.Contains(name))
                    wrong.Add(page + ": " + name);
            }
        }

        Assert.Empty(wrong);

        static bool Declares(string text, string type) => Regex.IsMatch(text, @"\b(class|record|struct|interface|enum) " + type + @"\b");

        static bool HasWord(string text, string word) => Regex.IsMatch(text, @"\b" + word + @"\b");
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

    private static IEnumerable<string> ParametersOf(CmdletClass cmdlet) => cmdlet.Parameters
        .SelectMany(parameter => (parameter.GetCustomAttribute<AliasAttribute>()?.AliasNames ?? []).Append(parameter.Name))
        .Concat(["WhatIf", "Confirm", "Verbose", "Debug", "ErrorAction", "WarningAction", "OutVariable"]);

    // As GitHub makes anchors: lower case, no punctuation, hyphens for spaces.
    private static IEnumerable<string> Headings(string file) => File.ReadLines(file)
        .Where(line => line.StartsWith('#'))
        .Select(line => Regex.Replace(line.TrimStart('#').Trim().ToLowerInvariant(), @"[^\w\- ]", string.Empty).Replace(' ', '-'));
}
