using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Faults;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Preflight;

/// <summary>A missing permission is found before the first command of the plan is sent.</summary>
public sealed class RightsTests
{
    /// <summary>Server, rule, the command that it denies, and the index of the node that has the rule.</summary>
    public static TheoryData<string, string, string, int> Lacks
    {
        get
        {
            var data = new TheoryData<string, string, string, int>();
            foreach (var server in Servers.RedisAndValkey.Select(row => row.Data))
            {
                var index = 0;
                Add(server, "-cluster|setslot", "CLUSTER SETSLOT", 0);
                Add(server, "-cluster|setslot", "CLUSTER SETSLOT", 1);
                Add(server, "-cluster|setslot", "CLUSTER SETSLOT", 2);
                Add(server, "-cluster|getkeysinslot", "CLUSTER GETKEYSINSLOT", 0);
                Add(server, "-migrate", "MIGRATE", 0);
                Add(server, "-select", "SELECT", 2);
                Add(server, "-restore-asking", "RESTORE-ASKING", 2);
                Add(server, "resetkeys ~other:*", "MIGRATE", 0);
                Add(server, "resetkeys ~other:*", "RESTORE-ASKING", 2);

                void Add(string on, string rule, string command, int node)
                {
                    if (Servers.IsTaken(on, index++))
                        data.Add(on, rule, command, node);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Lacks))]
    public async Task The_command_and_the_node_are_named(string server, string rule, string command, int node)
    {
        await using var cluster = await TestCluster.StartAsync(server, masters: 3);
        var slot = new MovingSlot(cluster, 7);
        await slot.OnSourceAsync("SET", slot.Key("k"), "v");
        slot.Session = await RestrictedUser.OnAsync(cluster.Nodes, "+@all");
        Assert.Null((await PreflightRun.CheckAsync(slot)).Refusal);

        await RestrictedUser.OnAsync([cluster.Node(node)], rule);
        var refusal = (await PreflightRun.CheckAsync(slot)).Refusal;
        Assert.Equal(FailureCode.PermissionDenied, refusal?.Code);
        Assert.Equal(cluster.Node(node).Endpoint.ToString(), refusal!.Subject);
        Assert.StartsWith("The user 'operator' may not run " + command + " on " + refusal.Subject + ",", refusal.Message);
    }
}
