using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using Xunit;

namespace RedisClusterOps.Module.Tests;

/// <summary>Everything that people read is plain technical English: nodes are things, and one word means one thing.</summary>
public sealed class LanguageTests
{
    private static readonly string[] Places =
    [
        "src", "bench", "tests", "tools", "runbooks", "docs", "en-US", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md",
    ];

    // Nodes and processes are things; software reports and logs; methods complete and return; slots are handed over.
    private static readonly Regex[] Banned =
    [
        .. new[]
        {
            @"\bwhoever\b",
            @"\b(nobody|somebody)\b",
            @"\b(him|himself|herself)\b",
            @"\b(he|his)\b",
            @"\bwhom\b",
            @"(?<!\b(users?|person|persons|people|operators?|administrators?|authors?|engineers?|readers?|contributors?|callers?) )\bwho\b",
            @"\bunless told\b",
            @"\b(is|are|was|were|be|been|being|not|once|when|if|as|until) told\b",
            @"\btells\b",
            @"\b(go|goes|gone|going|went) on\b",
            @"\bat work\b",
            @"\bbreaths?\b",
            @"\bin vain\b",
            @"\bwhat ran\b",
            @"\btak(e|es|en|ing) (it|them|none|nothing|(?-i:[A-Z]\w*)) for (a|an|the|it|one|down|dead|failing)\b",
            @"\b(is|are|was|were|be|been|never) taken for (a|an|the|one|down|dead|failing)\b",
            @"\b(a|an|earlier|last|next|previous|later) look\b",
            @"\b(two|three|earlier|several|between|further) looks\b",
            @"\bsights?\b",
            @"\b(set|sets|setting) apart\b",
            @"\b(come|comes|came|coming) back\b",
            @"\bwhere there (is|are|was|were) (none|no|nothing)\b",
            @"\bwhere (it|they) can(not|'t)?\b(?! be\b)",
            @"\b(is|are|was|were) given (a|the|its|that|this) slots?\b",
            @"\b(give|gives|gave|given|giving) away\b",
            @"\b(give|gives|gave|giving) (a|the|its|their|that|this|all|every) ((last|own|whole) )?slots?\b",
            @"\b(give|gives|gave|giving) (slots|them|it) (away|back)\b",
            @"\bsaid so\b",
            @"\b(has|have|had|having) to do with\b",
            @"\b(come|comes|came|coming) to rest\b",
            @"\bturn(s|ed)? (it|them|clients|him) (away|back)\b",
        }.Select(pattern => new Regex(pattern, RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)),
    ];

    [Fact]
    public void No_text_has_a_banned_habit()
    {
        var hits = new List<string>();
        foreach (var file in Files())
        {
            var number = 0;
            foreach (var line in File.ReadLines(file))
            {
                number++;
                // Names of tests are sentences, too.
                hits.AddRange(Banned.SelectMany(pattern => pattern.Matches(line.Replace('_', ' ')))
                    .Select(match => Path.GetRelativePath(Repository.Root, file)
                        + ":" + number + " '" + match.Value + "' in: " + line.Trim()));
            }
        }

        Assert.True(hits.Count == 0, hits.Count + " hits:\n" + string.Join('\n', hits));
    }

    // The build rejects long lines of code, but not long comments.
    [Fact]
    public void No_line_of_a_source_file_is_longer_than_140_columns()
    {
        var hits = Repository.Sources().SelectMany(file => File.ReadLines(file)
            .Select((line, i) => (Place: Path.GetRelativePath(Repository.Root, file) + ":" + (i + 1), line.Length))
            .Where(each => each.Length > 140)
            .Select(each => each.Place));
        Assert.Empty(hits);
    }

    [Fact]
    public void No_source_file_is_longer_than_300_lines()
    {
        var tooLong = Repository.Sources().Where(file => File.ReadLines(file).Count() > 300);
        Assert.Empty(tooLong.Select(file => Path.GetRelativePath(Repository.Root, file)));
    }

    private static IEnumerable<string> Files()
    {
        foreach (var place in Places.Select(Repository.Path))
        {
            if (File.Exists(place))
                yield return place;
            else
                foreach (var file in Directory.EnumerateFiles(place, "*", SearchOption.AllDirectories).Where(IsText))
                    yield return file;
        }
    }

    // This file has the patterns.
    private static bool IsText(string file) =>
        Path.GetExtension(file) is ".cs" or ".md" or ".txt" or ".xml" or ".ps1" or ".csproj" && !Repository.IsBuilt(file)
            && Path.GetFileName(file) != "LanguageTests.cs";
}
