using System.Collections.Generic;
using RedisClusterOps.Cluster;
using Xunit;

namespace RedisClusterOps.Core.Tests.Cluster;

/// <summary>A node is called by its id, by the beginning of it, or by an address; what fits several or none is said.</summary>
public class NodeNamesTests
{
    private static readonly RedisClusterSession Plain = RedisClusterSession.Parse("10.0.0.1:6379");

    [Theory]
    [InlineData("S000000000000000000000000000000000000000")]
    [InlineData("S0")]
    [InlineData("s")]
    [InlineData("10.0.0.19:6379")]
    [InlineData(" 10.0.0.19:6379 ")]
    public void Its_id_the_beginning_of_its_id_and_its_address_find_a_node(string name) => Assert.Equal("S", Find(ClusterScene.Stable(), name));

    [Fact]
    public void The_announced_host_name_with_the_port_finds_it_in_any_case() =>
        Assert.Equal("T", Find(ClusterScene.Stable().Hostname("T", "target.example"), "TARGET.example:6379"));

    [Fact]
    public void The_address_that_is_dialled_instead_finds_it_too_and_so_does_the_announced_one()
    {
        var mapped = Plain.WithAddressMap(new Dictionary<string, string> { ["10.0.0.20:6379"] = "127.0.0.1:7002" });
        Assert.Equal("T", Find(ClusterScene.Stable(), "127.0.0.1:7002", mapped));
        Assert.Equal("T", Find(ClusterScene.Stable(), "10.0.0.20:6379", mapped));
    }

    [Fact]
    public void A_name_that_fits_none_is_told_with_the_names_there_are()
    {
        var failure = Fails(ClusterScene.Stable(), "10.9.9.9:6379");
        Assert.Equal(FailureCode.NodeNotFound, failure.Code);
        Assert.Equal("No node is called '10.9.9.9:6379'. The nodes are 10.0.0.19:6379, 10.0.0.20:6379, 10.0.0.24:6379.", failure.Message);
        Assert.Equal("Get-RedisClusterNode", failure.NextStep());
    }

    [Theory]
    [InlineData("")]
    [InlineData("  ")]
    [InlineData("10.0.0.19")]
    [InlineData("10.0.0.1")]
    [InlineData("0000")]
    public void Nothing_and_parts_that_are_no_beginning_of_an_id_fit_none(string name) => Assert.Equal(FailureCode.NodeNotFound, Fails(ClusterScene.Stable(), name).Code);

    [Fact]
    public void A_beginning_that_fits_two_ids_is_told_with_both()
    {
        var failure = Fails(ClusterScene.Stable().Master("Sibling", epoch: 7), "S");
        Assert.Equal(FailureCode.AmbiguousNode, failure.Code);
        Assert.StartsWith("'S' fits 2 nodes: S0000000… (10.0.0.19:6379), Sibling0… (10.0.0.19:6379)", failure.Message);
        Assert.Equal("Get-RedisClusterNode", failure.NextStep());
    }

    [Theory]
    [InlineData("\u001b[31mred\u001b[0m")]
    [InlineData("two\r\nlines")]
    [InlineData("\u0007bell\u009b2J")]
    [InlineData("\u202ereversed")]
    public void Control_characters_of_a_name_do_not_reach_the_message(string name)
    {
        var message = Fails(ClusterScene.Stable(), name).Message;
        Assert.DoesNotContain(message, c => char.IsControl(c) || c == '\u202e');
        Assert.Contains("\\x", message);
    }

    [Fact]
    public void A_very_long_name_is_cut_in_the_message() => Assert.True(Fails(ClusterScene.Stable(), new string('x', 100_000)).Message.Length < 300);

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
    public void Wildcards_stand_for_anything_in_the_whole_id_or_the_whole_address(string pattern, bool fits) =>
        Assert.Equal(fits, NodeNames.FitsPattern("abcd", "10.0.0.1:6379", pattern));

    [Theory]
    [InlineData("10.0.0.1:63[0-9]9*")]
    [InlineData("(10|11)*")]
    [InlineData("^10*")]
    [InlineData("10.0.0.1:6379$*")]
    [InlineData("10\\d*")]
    [InlineData("10+*")]
    public void Nothing_but_the_two_wildcards_means_anything_special(string pattern) => Assert.False(NodeNames.FitsPattern("abcd", "10.0.0.1:6379", pattern));

    [Fact]
    public void A_dot_in_a_pattern_is_a_dot() => Assert.False(NodeNames.FitsPattern("abcd", "10x0x0x1:6379", "10.0.0.1:*"));

    private static string Find(ClusterScene scene, string name, RedisClusterSession? session = null) =>
        NodeNames.Find(scene.View(), name, (session ?? Plain).Reach).Id.TrimEnd('0');

    private static RedisOperationException Fails(ClusterScene scene, string name) =>
        Assert.Throws<RedisOperationException>(() => NodeNames.Find(scene.View(), name, Plain.Reach));
}
