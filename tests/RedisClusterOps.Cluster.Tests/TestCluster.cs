using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests;

/// <summary>A real cluster for one test.</summary>
internal sealed class TestCluster : IAsyncDisposable
{
    private readonly LocalClusterOptions _options;

    // A test run that was killed could not clean up; the next one does it.
    static TestCluster()
    {
        foreach (var orphan in LabRecord.All().Where(lab => lab.Owner is not null && lab.IsUnowned()))
            orphan.End();
    }

    private TestCluster(LocalCluster cluster, LocalClusterOptions options)
    {
        Cluster = cluster;
        _options = options;
    }

    public LocalCluster Cluster { get; }

    public IReadOnlyList<LocalNode> Nodes => Cluster.Nodes;

    public IReadOnlyList<LocalNode> Masters => Cluster.Masters;

    public IReadOnlyList<LocalNode> Replicas => Cluster.Replicas;

    public IReadOnlyList<NodeEndpoint> Endpoints => [.. Nodes.Select(node => node.Endpoint)];

    public ConnectionOptions Connection => _options.Connection;

    public bool IsGarnet => _options.Server.Kind == ServerEngine.Garnet;

    /// <summary>Starts a cluster: by default the first masters share all slots and the last has none.</summary>
    /// <param name="server">A name of <see cref="Servers"/>.</param>
    /// <param name="masters">At least one.</param>
    /// <param name="replicas">All together.</param>
    /// <param name="with">Changes anything else.</param>
    public static async Task<TestCluster> StartAsync(
        string server, int masters = 4, int replicas = 0, Func<LocalClusterOptions, LocalClusterOptions>? with = null)
    {
        var options = new LocalClusterOptions { Server = Servers.Get(server), Masters = masters, Replicas = replicas };
        options = with?.Invoke(options) ?? options;
        if (options.Server.Kind == ServerEngine.Garnet)
            options = options with { GarnetArguments = [.. options.GarnetArguments, "--commandstats-monitor"] };
        return new TestCluster(await LocalCluster.StartAsync(options), options);
    }

    public LocalNode Node(int index) => Nodes[index];

    /// <summary>The node of that id, as <c>CLUSTER NODES</c> names it.</summary>
    public LocalNode NodeOf(string id) => Nodes.Single(node => node.Id == id);

    public LocalNode NodeAt(NodeEndpoint endpoint) => Nodes.Single(node => node.Endpoint == endpoint);

    /// <summary>What one node tells of all nodes.</summary>
    public static async Task<IReadOnlyList<NodeLine>> ViewOfAsync(LocalNode node) =>
        ClusterNodesParser.Parse((await node.SendAsync("CLUSTER", "NODES")).Text);

    /// <summary>What a node tells of itself, open slots included.</summary>
    public static async Task<NodeLine> OwnLineOfAsync(LocalNode node) =>
        (await ViewOfAsync(node)).Single(line => (line.Flags & NodeFlags.Myself) != 0);

    /// <summary>The master that owns the slot in the first node's view.</summary>
    public async Task<LocalNode> OwnerOfAsync(int slot) =>
        NodeOf((await ViewOfAsync(Nodes.First(node => node.IsRunning))).Single(line => line.IsMaster && line.Slots.Contains(slot)).Id);

    /// <summary>How many keys of the slot a node holds.</summary>
    /// <exception cref="RedisServerException">Garnet tells it only of slots that the node owns.</exception>
    public static async Task<long> CountKeysAsync(LocalNode node, int slot) =>
        (await node.SendAsync("CLUSTER", "COUNTKEYSINSLOT", slot)).Integer;

    /// <summary>Has a replica take its master's place, as an operator has it.</summary>
    /// <remarks>The server gives up a manual failover after five seconds, without a word: on a busy machine it has to be asked for again.</remarks>
    public static async Task PromoteAsync(LocalNode replica)
    {
        var (until, asked) = (DateTime.UtcNow.AddSeconds(60), DateTime.MinValue);
        for (var reply = string.Empty; !(await OwnLineOfAsync(replica)).IsMaster; await Task.Delay(20))
        {
            Assert.True(DateTime.UtcNow < until, replica.Endpoint + " did not take its master's place. It said: " + reply);
            if (DateTime.UtcNow - asked < TimeSpan.FromSeconds(6))
                continue;
            // An error is a no for the moment: its link is down just now, or it became master since the look.
            reply = (await replica.AskAsync("CLUSTER", "FAILOVER")).Text;
            asked = DateTime.UtcNow;
        }
    }

    public LabWedge Wedge() => new(Connection, Endpoints);

    /// <summary>An application's client: follows redirections.</summary>
    public RedirectFollower Client() => new(new NodeConnector(Connection), Nodes.First(node => node.IsRunning).Endpoint);

    public ValueTask DisposeAsync() => Cluster.DisposeAsync();
}
