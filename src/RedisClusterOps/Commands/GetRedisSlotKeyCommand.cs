using System.Linq;
using System.Management.Automation;
using RedisClusterOps.Completion;

namespace RedisClusterOps.Commands;

/// <summary>Gets the keys of a slot on one node; with -Detail also their type, time to live and memory.</summary>
[Cmdlet(VerbsCommon.Get, "RedisSlotKey")]
[OutputType(typeof(RedisSlotKey))]
public sealed class GetRedisSlotKeyCommand : RedisClusterCmdlet
{
    // Keys described per round trip. The first lines appear soon, and a stop waits for one round trip at most.
    private const int KeysPerRoundTrip = 100;

    /// <summary>Specifies the slots: numbers and ranges from 0 to 16383, such as 5519, 0-5460 or '1,5-9'.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Slots]
    [ArgumentCompleter(typeof(SlotCompleter))]
    public int[] Slot { get; set; } = [];

    /// <summary>Specifies the node to query: id, unique id prefix, <c>host:port</c> or port. The default is the slot's owner.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(NodeCompleter))]
    public string? Node { get; set; }

    /// <summary>Specifies the maximum number of keys of each slot.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? First { get; set; }

    /// <summary>Adds type, time to live and memory of each key.</summary>
    [Parameter]
    public SwitchParameter Detail { get; set; }

    internal override void Run()
    {
        var cluster = Open();
        foreach (var slot in Slot)
            Write(cluster, slot);
    }

    /// <summary>Gives a described key the view with the columns that a listed key leaves empty.</summary>
    internal static PSObject Described(RedisSlotKey key)
    {
        var shown = new PSObject(key);
        shown.TypeNames.Insert(0, typeof(RedisSlotKey).FullName + "#Detail");
        return shown;
    }

    private void Write(RedisCluster cluster, int slot)
    {
        try
        {
            var keys = Await(cluster.GetSlotKeysAsync(slot, Node, First, Stop), "Listing the keys");
            if (!Detail)
            {
                WriteObject(keys, enumerateCollection: true);
                return;
            }

            for (var start = 0; start < keys.Count; start += KeysPerRoundTrip)
            {
                var chunk = keys.Skip(start).Take(KeysPerRoundTrip).ToArray();
                foreach (var key in Await(cluster.DescribeKeysAsync(chunk, Stop), "Describing the keys"))
                    WriteObject(Described(key));
            }
        }
        catch (RedisOperationException failure) when (!failure.ConcernsWholeCluster)
        {
            Fail(slot, failure);
        }
    }
}
