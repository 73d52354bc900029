using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;
using RedisClusterOps.Simulation.Reality;
using Xunit;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>The simulation replies to the scripts as real servers do. The tests on real servers run the same scripts.</summary>
public class RealityTests
{
    public static TheoryData<string, string> Cases
    {
        get
        {
            var cases = new TheoryData<string, string>();
            foreach (var rules in new[] { ServerRules.Redis70, ServerRules.Redis86, ServerRules.Valkey91 })
            {
                foreach (var script in CommandScript.ReadAll())
                    cases.Add(rules.Name, script.Name);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task The_simulation_replies_as_the_real_server_does(string server, string script)
    {
        var stage = new SimulatedStage(ServerRules.All.Single(rules => rules.Name == server));
        var difference = await CommandScript.ReadAll().Single(each => each.Name == script).RunAsync(stage);
        Assert.True(difference is null, difference);
    }

    private sealed class SimulatedStage : IStage
    {
        private readonly Scene _scene;
        private readonly Dictionary<string, SimulatedNode> _nodes;
        private readonly Dictionary<SimulatedNode, INodeConnection> _connections = [];

        public SimulatedStage(ServerRules rules)
        {
            Server = rules.Name;
            _scene = new Scene(rules, Start.Stable, seed: 1, new SceneOptions { Keys = 0, Clients = 0 });
            var nodes = _scene.Cluster.Nodes;
            _nodes = new() { ["S"] = _scene.Source, ["T"] = _scene.Target, ["O"] = nodes[1], ["R"] = nodes[4] };
        }

        public string Server { get; }

        public int Slot => SlotMap.Moving;

        public byte[] Key(string name) => SlotMap.Bytes(SlotMap.KeyOf(Slot, name));

        public string IdOf(string node) => At(node).Id;

        public NodeEndpoint EndpointOf(string node) => At(node).Endpoint;

        public async Task<RespValue> SendAsync(string node, RespCommand command)
        {
            if (!_connections.TryGetValue(At(node), out var connection))
                _connections[At(node)] = connection = await _scene.Cluster.ConnectAsync(At(node).Endpoint, default);
            return (await connection.SendAsync([command], null, default))[0];
        }

        public Task FailOverAsync(string node)
        {
            _nodes[node] = _scene.Cluster.FailOver(At(node))!;
            Assert.NotNull(_nodes[node]);
            return Task.CompletedTask;
        }

        public Task PauseAsync() => _scene.Cluster.Clock.PauseAsync(TimeSpan.FromMilliseconds(500), default);

        public Task<bool> WaitAsync(int attempts)
        {
            _scene.Cluster.Clock.Pass(TimeSpan.FromMilliseconds(100));
            return Task.FromResult(attempts < 50);
        }

        private SimulatedNode At(string node) => _nodes[node];
    }
}
