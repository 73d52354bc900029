using System;
using System.Linq;
using Xunit;

namespace RedisClusterOps.Core.Tests.Diagnosis;

/// <summary>The links of a cluster as they are shown: few rows, however many nodes report the same.</summary>
public class LinkSummaryTests
{
    [Fact]
    public void Links_to_a_dead_node_are_one_row_and_those_without_trouble_are_another()
    {
        var links = RedisClusterLink.Summarize(
        [
            Of("here", "a") with { Kind = LinkKind.ClientToNode, SourceId = null },
            Of("a", "dead", "no bus link") with { PongAge = TimeSpan.FromSeconds(58) },
            Of("b", "dead", "no bus link") with { PongAge = TimeSpan.FromSeconds(56) },
            Of("c", "dead", "no bus link"),
            Of("c", "slow", "a queue"),
            Of("a", "b"),
            Of("b", "a"),
        ]);
        Assert.Equal(
            ["here -> a Connected", "3 nodes -> dead Disconnected", "c -> slow Disconnected", "2 nodes -> 2 links Connected"],
            links.Select(link => link.ToString()));
        Assert.Equal((TimeSpan.FromSeconds(58), "no bus link"), (links[1].PongAge, links[1].Trouble));
    }

    [Fact]
    public void Nodes_that_report_different_troubles_of_one_node_are_separate_rows() =>
        Assert.Equal(2, RedisClusterLink.Summarize([Of("a", "dead", "failed"), Of("b", "dead", "suspected")]).Count);

    private static RedisClusterLink Of(string source, string target, string? trouble = null) => new()
    {
        Kind = LinkKind.NodeToNode,
        Source = source,
        SourceId = source,
        Target = target,
        TargetId = target,
        State = trouble is null ? LinkState.Connected : LinkState.Disconnected,
        Trouble = trouble,
    };
}
