using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;
using Xunit;
using static RedisClusterOps.Core.Tests.Cluster.ClusterReaderTests;

namespace RedisClusterOps.Core.Tests.Cluster;

/// <summary>What a reading reports if nodes can not be read, or if their answers do not fit.</summary>
public sealed class ReaderErrorTests
{
    [Fact]
    public async Task A_service_without_CLUSTER_NODES_is_reported()
    {
        var nodes = new ScriptedNodes()
            .Node(A, command => RespValue.Error("ERR unknown command 'CLUSTER', with args beginning with: 'NODES'"));
        var failure = await Assert.ThrowsAsync<RedisOperationException>(() => ReadAsync(nodes));
        Assert.Equal(FailureCode.PermissionDenied, failure.Code);
        Assert.Contains(A + " does not know CLUSTER NODES", failure.Message);
        Assert.Contains("ask the service provider", failure.NextStep());
    }

    [Fact]
    public async Task Seeds_of_two_clusters_are_rejected()
    {
        var nodes = new ScriptedNodes()
            .Node(A, Line("a", A, "myself,master", "0-16383"))
            .Node(B, Line("z", B, "myself,master", "0-16383"));
        var failure = await Assert.ThrowsAsync<RedisOperationException>(() => ReadAsync(nodes, A + "," + B));
        Assert.Equal((FailureCode.ClusterViewConflict, B), (failure.Code, failure.Subject));
        Assert.StartsWith(A + " and " + B + " do not know each other", failure.Message);
    }

    [Fact]
    public async Task If_all_seeds_are_unreachable_one_error_gives_the_reason_for_each()
    {
        var nodes = new ScriptedNodes()
            .Refuses(A, FailureCode.ConnectionFailed, "Can't connect to " + A + ": connection refused.")
            .Refuses(B, FailureCode.ConnectionFailed, "No answer within 5 s.");
        var failure = await Assert.ThrowsAsync<RedisOperationException>(() => ReadAsync(nodes, A + "," + B + "," + A));
        Assert.Equal(FailureCode.ConnectionFailed, failure.Code);
        Assert.True(failure.ConcernsWholeCluster);
        Assert.Equal(
            "No node of the cluster could be read. Can't connect to " + A + ": connection refused; " + B + ": No answer within 5 s.",
            failure.Message);
        Assert.Equal(A + "," + B, failure.Subject);
        Assert.StartsWith("Connect-RedisCluster", failure.NextStep());
    }

    [Fact]
    public async Task The_common_failure_code_of_all_nodes_is_kept_and_different_codes_become_a_connection_failure()
    {
        var wrong = new ScriptedNodes()
            .Refuses(A, FailureCode.AuthenticationFailed, A + " refused the password.")
            .Refuses(B, FailureCode.AuthenticationFailed, B + " refused the password.");
        var failure = await Assert.ThrowsAsync<RedisOperationException>(() => ReadAsync(wrong, A + "," + B));
        Assert.Equal(FailureCode.AuthenticationFailed, failure.Code);
        Assert.Contains("-Credential", failure.NextStep());

        var mixed = new ScriptedNodes().Refuses(A, FailureCode.AuthenticationFailed, A + " refused the password.");
        failure = await Assert.ThrowsAsync<RedisOperationException>(() => ReadAsync(mixed, A + "," + B));
        Assert.Equal(FailureCode.ConnectionFailed, failure.Code);
        Assert.Contains("refused the password", failure.Message);
    }

    [Fact]
    public async Task A_server_without_cluster_mode_is_reported()
    {
        var nodes = new ScriptedNodes().Node(A, _ => RespValue.Error("ERR This instance has cluster support disabled"));
        var failure = await Assert.ThrowsAsync<RedisOperationException>(() => ReadAsync(nodes, A));
        Assert.Equal(FailureCode.NotAClusterNode, failure.Code);
        Assert.Contains(A, failure.Message);
        Assert.StartsWith("Connect-RedisCluster", failure.NextStep());
    }

    [Fact]
    public async Task A_view_without_its_own_line_is_an_error_of_that_node_only()
    {
        var nodes = Three().Node(B, Line("a", A, "master", "0-100"), Line("b", B, "master"));
        var view = await ReadAsync(nodes, A);
        Assert.Contains("no line of its own ('myself')", view.Node("b")!.Trouble);
        Assert.True(view.Node("c")!.IsReachable);

        var failure = await Assert.ThrowsAsync<RedisOperationException>(() => ReadAsync(nodes, B));
        Assert.Equal(FailureCode.ProtocolError, failure.Code);
    }

    [Theory]
    [InlineData("")]
    [InlineData("not a line")]
    [InlineData("a 10.0.0.1:7001 myself,master - 0 0 0 connected 16384")]
    public async Task A_malformed_view_is_an_error_that_names_the_node(string nonsense)
    {
        var failure = await Assert.ThrowsAsync<RedisOperationException>(() => ReadAsync(new ScriptedNodes().Node(A, nonsense), A));
        Assert.Equal(FailureCode.ProtocolError, failure.Code);
        Assert.Contains(A, failure.Message);
    }

    [Fact]
    public async Task The_rest_is_read_if_INFO_is_not_permitted()
    {
        var nodes = new ScriptedNodes().Node(A, command => command.ToString() == "CLUSTER NODES"
            ? RespValue.Bulk(Line("a", A, "myself,master", "0-16383"))
            : RespValue.Error("NOPERM this user has no permissions to run the 'info' command"));
        var node = (await ReadAsync(nodes, A, CpuSampling.BusyNodes)).Node("a")!;
        Assert.Equal((16384, null, ServerEngine.Unknown, null),
            (node.Line.Slots.Count, node.View!.KeyCount, node.View.Facts.Engine, node.View.CpuPercent));
    }
}
