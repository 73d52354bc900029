using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using RedisClusterOps.Simulation.Reality;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Simulation;

/// <summary>The real servers reply to the scripts as the simulation does.</summary>
public sealed class RealityTests
{
    private const int FirstSlot = 300;

    [Theory]
    [MemberData(nameof(Servers.RedisAndValkey), MemberType = typeof(Servers))]
    public async Task The_real_server_replies_as_the_simulation_does(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server, masters: 4, replicas: 4);
        var wrong = new List<string>();
        var stage = new RealStage(cluster, server);
        foreach (var script in CommandScript.ReadAll())
        {
            try
            {
                await stage.NextAsync();
            }
            catch (LabException failure)
            {
                Assert.Fail(server + ", before '" + script.Name + "': " + failure.Message + "\n" + string.Join('\n', wrong));
            }

            if (await script.RunAsync(stage) is { } difference)
                wrong.Add(difference);
        }

        Assert.True(wrong.Count == 0, server + " replies differently:\n" + string.Join('\n', wrong));
    }

    /// <summary>A cluster in which each script has its own slot. Roles that a failover changed stay changed.</summary>
    private sealed class RealStage(TestCluster cluster, string server) : IStage
    {
        private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

        private readonly Dictionary<string, LocalNode> _nodes = new()
        {
            ["S"] = cluster.Node(0),
            ["O"] = cluster.Node(1),
            ["T"] = cluster.Node(3),
        };

        private readonly IReadOnlyList<LocalNode> _all = [.. Enumerable.Range(0, 4).Select(cluster.Node), .. cluster.Replicas];

        private readonly Dictionary<LocalNode, INodeConnection> _connections = [];

        public string Server => server;

        public int Slot { get; private set; } = FirstSlot;

        public byte[] Key(string name) => [(byte)'{', .. LabWedge.KeysOf(Slot, 1)[0], (byte)'}', .. name.Select(letter => (byte)letter)];

        public string IdOf(string node) => _nodes[node].Id;

        public NodeEndpoint EndpointOf(string node) => _nodes[node].Endpoint;

        /// <summary>Selects the next slot and opens new connections.</summary>
        public async Task NextAsync()
        {
            Slot++;
            foreach (var connection in _connections.Values)
                connection.Dispose();
            _connections.Clear();
            await cluster.Cluster.WaitUntilAgreedAsync();
            if (await TestCluster.OwnLineOfAsync(_nodes["S"]) is { IsMaster: false } line)
                _nodes["S"] = _all.Single(node => node.Id == line.MasterId);
            _nodes["R"] = await ReplicaOfAsync(_nodes["S"]);
        }

        public async Task<RespValue> SendAsync(string node, RespCommand command)
        {
            if (!_connections.TryGetValue(_nodes[node], out var connection))
                _connections[_nodes[node]] = connection = await _nodes[node].ConnectAsync();
            for (var until = DateTime.UtcNow.AddSeconds(10); ;)
            {
                var reply = (await connection.SendAsync([command], null, default))[0];
                // Valkey refuses the command until its replicas have confirmed it, which they cannot do while they are still connecting.
                if (!reply.Text.StartsWith("NOREPLICAS") || DateTime.UtcNow > until)
                    return reply;
                await Task.Delay(Pause);
            }
        }

        public async Task FailOverAsync(string node)
        {
            var master = _nodes[node];
            var replica = await ReplicaOfAsync(master);
            await TestCluster.PromoteAsync(replica);
            for (var until = DateTime.UtcNow.AddSeconds(20); (await TestCluster.OwnLineOfAsync(master)).IsMaster;)
            {
                Assert.True(DateTime.UtcNow < until, replica.Endpoint + " did not take the place of " + master.Endpoint);
                await Task.Delay(Pause);
            }

            _nodes[node] = replica;
        }

        public Task PauseAsync() => Task.Delay(500);

        public async Task<bool> WaitAsync(int attempts)
        {
            await Task.Delay(Pause);
            return attempts < 200;
        }

        private async Task<LocalNode> ReplicaOfAsync(LocalNode master)
        {
            foreach (var replica in _all)
            {
                if ((await TestCluster.OwnLineOfAsync(replica)).MasterId == master.Id)
                    return replica;
            }

            throw new InvalidOperationException(master.Endpoint + " has no replica.");
        }
    }
}
