using System.Collections.Generic;
using System.IO;
using System.Linq;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Comparison;

/// <summary>The table in the document is the one that the tests check with both tools.</summary>
public sealed class FixDocumentTests
{
    private const string Header = "| what is wrong | `redis-cli --cluster fix` | RedisClusterOps |";

    [Fact]
    public void The_table_in_the_document_is_the_one_that_is_tested()
    {
        var table = File.ReadAllLines(RepositoryFiles.Document("redis-cli.md")).SkipWhile(line => line != Header)
            .TakeWhile(line => line.StartsWith('|'));
        Assert.Equal(Lines(), table);
    }

    private static IEnumerable<string> Lines()
    {
        yield return Header;
        yield return "|---|---|---|";
        foreach (var what in FixCases.All)
        {
            var tool = Cell(what.Tool, what.ToolOnValkey) + (what.MayLose ? ", or keys lost" : string.Empty);
            yield return "| " + what.Name + " | " + tool + " | " + Cell(what.Ours, what.OursOnValkey) + " |";
        }
    }

    private static string Cell(string text, string? onValkey) => onValkey is null ? text : text + " *(Valkey: " + onValkey + ")*";
}
