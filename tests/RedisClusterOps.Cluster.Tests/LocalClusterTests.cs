using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests;

/// <summary>Tests the lab clusters that all other tests use.</summary>
public sealed class LocalClusterTests
{
    [Theory]
    [MemberData(nameof(Servers.GarnetInFullProof), MemberType = typeof(Servers))]
    public async Task Four_masters_start_agree_and_leave_nothing_behind(string server)
    {
        ProcessMark[] processes;
        string folder;
        await using (var cluster = await TestCluster.StartAsync(server))
        {
            processes = [.. cluster.Nodes.Select(node => ProcessMark.Of(node.ProcessId))];
            folder = cluster.Cluster.Folder;
            Assert.All(processes, process => Assert.True(process.IsRunning));

            foreach (var node in cluster.Nodes)
            {
                var view = await TestCluster.ViewOfAsync(node);
                Assert.Equal(4, view.Count);
                var counts = cluster.Masters.Select(master => view.Single(line => line.Id == master.Id).Slots.Count);
                Assert.Equal([5461, 5461, 5462, 0], counts);
                Assert.Equal(4, view.Select(line => line.ConfigEpoch).Distinct().Count());
                Assert.Contains("cluster_state:ok", (await node.SendAsync("CLUSTER", "INFO")).Text);
            }
        }

        Assert.All(processes, process => Assert.False(process.IsRunning));
        Assert.False(Directory.Exists(folder));
        Assert.DoesNotContain(LabRecord.All(), record => record.Folder == folder);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task Replicas_follow_their_masters(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server, masters: 3, replicas: 3);
        var view = await TestCluster.ViewOfAsync(cluster.Node(0));
        Assert.Equal(
            cluster.Masters.Select(master => master.Id),
            cluster.Replicas.Select(replica => view.Single(line => line.Id == replica.Id).MasterId));
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task A_killed_node_restarts_with_its_keys_and_slots(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server, with: options => options with { AppendOnly = true });
        using var client = cluster.Client();
        var key = LabWedge.KeysOf(LabWedge.DefaultSlot, 1)[0];
        Assert.Equal("OK", (await client.AskAsync(key, RespCommand.Of("SET", key, "kept"))).Text);
        // Servers write their append-only file once a second.
        await Task.Delay(1500);

        var owner = await cluster.OwnerOfAsync(LabWedge.DefaultSlot);
        var before = (await TestCluster.OwnLineOfAsync(owner)).Slots;
        owner.Kill();
        Assert.False(owner.IsRunning);
        await owner.RestartAsync();
        await cluster.Cluster.WaitUntilAgreedAsync();

        Assert.Equal(before, (await TestCluster.OwnLineOfAsync(owner)).Slots);
        using var later = cluster.Client();
        Assert.Equal("kept", (await later.AskAsync(key, RespCommand.Of("GET", key))).Text);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task A_stopped_node_is_silent_until_it_is_continued(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server);
        cluster.Node(1).Stop();
        using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(500));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cluster.Node(1).AskAsync(RespCommand.Of("PING"), patience.Token));
        cluster.Node(1).Continue();
        Assert.Equal("PONG", (await cluster.Node(1).AskAsync("PING")).Text);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task A_password_and_given_slots_are_used(string server)
    {
        IReadOnlyList<IReadOnlyList<SlotRange>> slots = [[new(0, 99), new(200, 16383)], [new(100, 199)]];
        await using var cluster = await TestCluster.StartAsync(server, masters: 2, with: options => options with
        {
            Slots = slots,
            ConfigLines = ["requirepass hunter2", "masterauth hunter2"],
            Connection = new ConnectionOptions { Password = "hunter2" },
        });
        Assert.Equal("100-199", (await TestCluster.OwnLineOfAsync(cluster.Node(1))).Slots.ToString());
        await cluster.Wedge().WedgeAsync();
        Assert.True((await cluster.Wedge().ReadBackAsync()).IsComplete);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task A_cluster_with_TLS_only_starts_and_can_be_wedged(string server)
    {
        using var authority = new TestAuthority();
        await using var cluster = await TestCluster.StartAsync(server, with: options => options with
        {
            Tls = authority.ServerFiles,
            Connection = new ConnectionOptions { Tls = new TlsOptions { CaCertificatePath = authority.CaPath } },
        });
        await cluster.Wedge().WedgeAsync();
        Assert.True((await cluster.Wedge().ReadBackAsync()).IsComplete);

        // A client with another authority cannot connect.
        using var stranger = new TestAuthority();
        var wrong = new NodeConnector(new ConnectionOptions { Tls = new TlsOptions { CaCertificatePath = stranger.CaPath } });
        await Assert.ThrowsAnyAsync<RedisOperationException>(() => wrong.ConnectAsync(cluster.Node(0).Endpoint, default));
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task A_detached_cluster_outlives_its_starter_and_is_ended_by_its_record(string server)
    {
        string folder;
        await using (var cluster = await TestCluster.StartAsync(server, masters: 3, with: options => options with { Detached = true }))
            folder = cluster.Cluster.Folder;

        var record = Assert.Single(LabRecord.All(), record => record.Folder == folder);
        Assert.Null(record.Owner);
        using (var connection = await new NodeConnector(new ConnectionOptions()).ConnectAsync(record.Nodes[0].Endpoint(), default))
            Assert.Equal("PONG", (await connection.SendAsync(RespCommand.Of("PING"), default)).Text);

        Assert.Equal(3, record.End());
        Assert.All(record.Nodes, node => Assert.False(node.Process.IsRunning));
        Assert.False(Directory.Exists(folder));
        Assert.DoesNotContain(LabRecord.All(), other => other.Folder == folder);
    }

    [Fact]
    public async Task A_recorded_process_id_that_was_reused_is_not_killed()
    {
        await using var cluster = await TestCluster.StartAsync(Servers.Redis70, masters: 1);
        var other = ProcessMark.Of(cluster.Node(0).ProcessId) with { Started = "1@an earlier boot" };
        Assert.False(other.Kill());
        Assert.True(cluster.Node(0).IsRunning);
    }

    [Fact]
    public async Task A_server_that_rejects_its_settings_is_quoted_and_nothing_is_left()
    {
        const string Wrong = "no-such-setting yes";
        var failure = await Assert.ThrowsAsync<LabException>(
            () => TestCluster.StartAsync(Servers.Redis70, with: options => options with { ConfigLines = [Wrong] }));
        Assert.Contains(Wrong, failure.Message);
        var settings = Directory.EnumerateDirectories(Path.GetTempPath(), LabRecord.FolderPrefix + "*")
            .Select(folder => Path.Combine(folder, "node0", "server.conf"));
        Assert.DoesNotContain(settings, file => File.Exists(file) && File.ReadAllText(file).Contains(Wrong));
    }
}
