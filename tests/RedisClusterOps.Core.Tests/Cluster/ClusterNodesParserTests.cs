using System;
using System.IO;
using System.Linq;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using RedisClusterOps.Cluster;
using Xunit;

namespace RedisClusterOps.Core.Tests.Cluster;

/// <summary>CLUSTER NODES in the formats of all supported servers. The corpus files named <c>-open</c> are real replies.</summary>
public class ClusterNodesParserTests
{
    public static TheoryData<string> Corpus => [.. Directory.GetFiles(Folder, "*.txt").Select(path => Path.GetFileName(path)).Order()];

    private static string Folder => Path.Combine(AppContext.BaseDirectory, "Cluster", "corpus");

    [Theory]
    [MemberData(nameof(Corpus))]
    public void Every_format_is_parsed_line_by_line_with_exactly_one_own_line(string file)
    {
        var text = File.ReadAllText(Path.Combine(Folder, file));
        var lines = ClusterNodesParser.Parse(text);
        Assert.Equal(text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length, lines.Count);
        Assert.Single(lines, line => (line.Flags & NodeFlags.Myself) != 0);
        Assert.All(lines, line => Assert.Equal(40, line.Id.Length));
        Assert.All(lines, line => Assert.True(line.IsMaster || line.IsReplica || (line.Flags & NodeFlags.Handshake) != 0));
    }

    [Fact]
    public void Redis_3_has_no_bus_port_and_leaves_its_own_address_empty()
    {
        var lines = Read("redis-3.0.txt");
        Assert.Equal("127.0.0.1:7002", lines[0].Endpoint.ToString());
        Assert.Null(lines[1].Endpoint);
        Assert.Equal(lines[0].Id, lines[2].MasterId);
        Assert.False(lines[2].Connected);
    }

    [Fact]
    public void Redis_4_adds_a_bus_port_and_fail_flags()
    {
        var lines = Read("redis-4.0.txt");
        Assert.Equal(30004, lines[0].Port);
        Assert.Equal(NodeFlags.Master | NodeFlags.PFail, lines[2].Flags);
        Assert.Equal(NodeFlags.Master | NodeFlags.Fail, lines[3].Flags);
        Assert.Equal(lines[2].Id, lines[1].ImportingFrom[5461]);
    }

    [Fact]
    public void Redis_7_adds_a_host_name_which_may_be_empty()
    {
        var lines = Read("redis-7.0-hostname.txt");
        Assert.Equal("node-1.example.test", lines[0].Hostname);
        Assert.Null(lines[1].Hostname);
        Assert.Equal(lines[1].Id, lines[0].MigratingTo[5519]);
        Assert.False(lines[0].Slots.Contains(5519));
        Assert.True((lines[2].Flags & NodeFlags.NoAddress) != 0);
        Assert.Null(lines[2].Endpoint);
    }

    [Fact]
    public void Fields_after_the_host_name_are_not_part_of_it()
    {
        var lines = Read("redis-7.2-aux.txt");
        Assert.Null(lines[0].Hostname);
        Assert.Equal("n2.example.test", lines[1].Hostname);
        Assert.Equal(21413, lines[1].Port);
    }

    [Fact]
    public void IPv6_addresses_have_no_brackets_and_the_last_colon_precedes_the_port()
    {
        var lines = Read("ipv6.txt");
        Assert.Equal("[fd00::1]:7001", lines[0].Endpoint.ToString());
        Assert.Equal("[::1]:7002", lines[1].Endpoint.ToString());
    }

    [Fact]
    public void An_unknown_address_is_null_and_the_terms_of_Valkey_are_supported()
    {
        var lines = Read("valkey-words.txt");
        Assert.Null(lines[0].Endpoint);
        Assert.True(lines[0].IsMaster);
        Assert.True(lines[1].IsReplica);
    }

    [Theory]
    [InlineData("redis-7.0-open.txt", true)]
    [InlineData("redis-8.6-open.txt", true)]
    [InlineData("valkey-9.1-open.txt", false)]
    [InlineData("garnet-open.txt", false)]
    public void Each_node_reports_the_open_slot_on_its_own_line(string file, bool migrating)
    {
        var self = Read(file).Single(line => (line.Flags & NodeFlags.Myself) != 0);
        Assert.Equal([5519], (migrating ? self.MigratingTo : self.ImportingFrom).Keys);
        Assert.Empty((migrating ? self.ImportingFrom : self.MigratingTo).Keys);
    }

    [Theory]
    [InlineData("abc", "fewer than eight fields")]
    [InlineData("id nowhere master - 0 0 1 connected", "no port")]
    [InlineData("id 1.2.3.4:99999 master - 0 0 1 connected", "no port")]
    [InlineData("id 1.2.3.4:7001 master - 0 0 x connected", "config epoch")]
    [InlineData("id 1.2.3.4:7001 master - 0 0 1 connected 16384", "not a slot")]
    [InlineData("id 1.2.3.4:7001 master - 0 0 1 connected 5-1", "not a slot")]
    [InlineData("id 1.2.3.4:7001 master - 0 0 1 connected [5519->-", "not an open slot")]
    [InlineData("id 1.2.3.4:7001 master - 0 0 1 connected [99999->-id]", "not an open slot")]
    [InlineData("id 1.2.3.4:7001 master - 0 0 1 connected [5519-x-id]", "not an open slot")]
    public void A_malformed_line_is_rejected_with_the_reason(string line, string why)
    {
        var failure = Assert.Throws<RedisOperationException>(() => ClusterNodesParser.Parse(line));
        Assert.Equal(FailureCode.ProtocolError, failure.Code);
        Assert.Contains(why, failure.Message);
    }

    [Fact]
    public void Control_characters_of_a_hostile_line_are_not_in_the_message()
    {
        var failure = Assert.Throws<RedisOperationException>(() => ClusterNodesParser.Parse("\u001b[2Jevil"));
        Assert.DoesNotContain('\u001b', failure.Message);
    }

    [Fact]
    public void Any_damaged_reply_is_parsed_or_rejected_without_a_crash()
    {
        var replies = Directory.GetFiles(Folder, "*.txt").Select(File.ReadAllText).ToArray();
        Prop.ForAll(
            Gen.Elements(replies).ToArbitrary(),
            Gen.Choose(0, 2000).ToArbitrary(),
            Gen.Choose(0, 255).ToArbitrary(),
            (reply, at, value) =>
            {
                var damaged = Encoding.Latin1.GetBytes(reply);
                damaged[at % damaged.Length] = (byte)value;
                try
                {
                    ClusterNodesParser.Parse(Encoding.UTF8.GetString(damaged));
                }
                catch (RedisOperationException)
                {
                    // Rejected with a reason.
                }
            }).Check(Config.QuickThrowOnFailure.WithMaxTest(5000));
    }

    private static NodeLine[] Read(string file) => [.. ClusterNodesParser.Parse(File.ReadAllText(Path.Combine(Folder, file)))];
}
