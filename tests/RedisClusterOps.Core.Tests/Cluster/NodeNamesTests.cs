using System.Collections.Generic;
using RedisClusterOps.Cluster;
using Xunit;

namespace RedisClusterOps.Core.Tests.Cluster;

/// <summary>A node is found by its id, the start of its id, or an address. A name that matches several nodes or none is rejected.</summary>
public class NodeNamesTests
{
    private static readonly RedisClusterSession Plain = RedisClusterSession.Parse("10.0.0.1:6379");

    [Theory]
    [InlineData("S000000000000000000000000000000000000000")]
    [InlineData("S0")]
    [InlineData("s")]
    [InlineData("10.0.0.19:6379")]
    [InlineData(" 10.0.0.19:6379 ")]
    public void A_node_is_found_by_id_start_of_the_id_and_address(string name) => Assert.Equal("S", Find(ClusterScene.Stable(), name));

    [Fact]
    public void A_node_is_found_by_announced_host_name_and_port_in_any_case() =>
        Assert.Equal("T", Find(ClusterScene.Stable().Hostname("T", "target.example"), "TARGET.example:6379"));

    [Fact]
    public void A_node_is_found_by_its_port_alone_if_no_other_has_it()
    {
        var mapped = Plain.WithAddressMap(new Dictionary<string, string> { ["10.0.0.20:6379"] = "127.0.0.1:7002" });
        Assert.Equal("T", Find(ClusterScene.Stable(), "7002", mapped));
        Assert.Equal(FailureCode.AmbiguousNode, Fails(ClusterScene.Stable(), "6379").Code);
        Assert.Equal(FailureCode.NodeNotFound, Fails(ClusterScene.Stable(), "379").Code);
    }

    [Fact]
    public void A_host_name_that_no_node_announces_is_resolved()
    {
        var mapped = Plain.WithAddressMap(new Dictionary<string, string> { ["10.0.0.20:6379"] = "127.0.0.1:7002" });
        Assert.Equal("T", Find(ClusterScene.Stable(), "localhost:7002", mapped));
        Assert.Equal(FailureCode.NodeNotFound, Fails(ClusterScene.Stable(), "localhost:7002").Code);
    }

    [Fact]
    public void A_node_is_found_by_its_mapped_and_by_its_announced_address()
    {
        var mapped = Plain.WithAddressMap(new Dictionary<string, string> { ["10.0.0.20:6379"] = "127.0.0.1:7002" });
        Assert.Equal("T", Find(ClusterScene.Stable(), "127.0.0.1:7002", mapped));
        Assert.Equal("T", Find(ClusterScene.Stable(), "10.0.0.20:6379", mapped));
    }

    [Fact]
    public void A_name_without_a_match_is_rejected_with_the_names_of_all_nodes()
    {
        var failure = Fails(ClusterScene.Stable(), "10.9.9.9:6379");
        Assert.Equal(FailureCode.NodeNotFound, failure.Code);
        Assert.Equal("No node matches '10.9.9.9:6379'. The nodes are 10.0.0.19:6379, 10.0.0.20:6379, 10.0.0.24:6379.", failure.Message);
        Assert.Equal("Get-RedisClusterNode", failure.NextStep());
    }

    [Theory]
    [InlineData("")]
    [InlineData("  ")]
    [InlineData("10.0.0.19")]
    [InlineData("10.0.0.1")]
    [InlineData("0000")]
    public void An_empty_name_and_other_parts_of_an_id_or_address_match_no_node(string name) =>
        Assert.Equal(FailureCode.NodeNotFound, Fails(ClusterScene.Stable(), name).Code);

    [Fact]
    public void A_start_that_matches_two_ids_is_rejected_with_both()
    {
        var failure = Fails(ClusterScene.Stable().Master("Sibling", epoch: 7), "S");
        Assert.Equal(FailureCode.AmbiguousNode, failure.Code);
        Assert.StartsWith("'S' matches 2 nodes: S0000000… (10.0.0.19:6379), Sibling0… (10.0.0.19:6379)", failure.Message);
        Assert.Equal("Get-RedisClusterNode", failure.NextStep());
    }

    [Theory]
    [InlineData("\u001b[31mred\u001b[0m")]
    [InlineData("two\r\nlines")]
    [InlineData("\u0007bell\u009b2J")]
    [InlineData("\u202ereversed")]
    public void Control_characters_of_a_name_are_not_in_the_message(string name)
    {
        var message = Fails(ClusterScene.Stable(), name).Message;
        Assert.DoesNotContain(message, c => char.IsControl(c) || c == '\u202e');
        Assert.Contains("\\x", message);
    }

    [Fact]
    public void A_very_long_name_is_cut_in_the_message() =>
        Assert.True(Fails(ClusterScene.Stable(), new string('x', 100_000)).Message.Length < 300);

    [Theory]
    [InlineData("*", true)]
    [InlineData("ab*", true)]
    [InlineData("AB*", true)]
    [InlineData("*cd", true)]
    [InlineData("a?c*", true)]
    [InlineData("10.0.0.?:6379", true)]
    [InlineData("10.0.0.*", true)]
    [InlineData(" 10.0.0.* ", true)]
    [InlineData("*:6379", true)]
    [InlineData("abcd", true)]
    [InlineData("ab", true)]
    [InlineData("10.0.0.1:6379", true)]
    [InlineData("b*", false)]
    [InlineData("ab?", false)]
    [InlineData("10.0.0.?", false)]
    [InlineData("10?0?0?1", false)]
    [InlineData("*:637", false)]
    [InlineData("", false)]
    public void Wildcards_match_the_whole_id_or_address(string pattern, bool matches) =>
        Assert.Equal(matches, NodeNames.MatchesPattern("abcd", "10.0.0.1:6379", pattern));

    [Theory]
    [InlineData("10.0.0.1:63[0-9]9*")]
    [InlineData("(10|11)*")]
    [InlineData("^10*")]
    [InlineData("10.0.0.1:6379$*")]
    [InlineData("10\\d*")]
    [InlineData("10+*")]
    public void Other_special_characters_have_no_meaning_in_a_pattern(string pattern) =>
        Assert.False(NodeNames.MatchesPattern("abcd", "10.0.0.1:6379", pattern));

    [Fact]
    public void A_dot_in_a_pattern_matches_a_dot() => Assert.False(NodeNames.MatchesPattern("abcd", "10x0x0x1:6379", "10.0.0.1:*"));

    private static string Find(ClusterScene scene, string name, RedisClusterSession? session = null) =>
        NodeNames.Find(scene.View(), name, (session ?? Plain).MapAddress).Id.TrimEnd('0');

    private static RedisOperationException Fails(ClusterScene scene, string name) =>
        Assert.Throws<RedisOperationException>(() => NodeNames.Find(scene.View(), name, Plain.MapAddress));
}
