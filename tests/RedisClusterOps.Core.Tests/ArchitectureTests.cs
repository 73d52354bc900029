using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Text.RegularExpressions;
using NetArchTest.Rules;
using RedisClusterOps.Migration;
using Xunit;

namespace RedisClusterOps.Core.Tests;

/// <summary>
/// The rooms of the core, from the bottom up: a room depends only on the rooms below it and on the public types of the root.
/// </summary>
public sealed class ArchitectureTests
{
    private const string Root = nameof(RedisClusterOps);
    private static readonly Assembly Core = typeof(RedisCluster).Assembly;

    // Reports stand beside Migration and Membership: they do not depend on each other.
    private static readonly string[] Rooms = ["Protocol", "Cluster", "Diagnosis", "Planning", "Journal", "Migration", "Membership"];
    private static readonly string[] PlanningRooms = ["Planning.Slots", "Planning.Rebalance", "Planning.Preflight"];

    // Migration itself has what all of its rooms share, and on top of them the run of many slots.
    private static readonly string[] MigrationRooms =
    [
        "Migration.Keys", "Migration.Slot", "Migration.Bulk", "Migration.Atomic", "Migration.Recovery",
        "Migration." + nameof(BulkMoveRun),
    ];

    private static readonly string SourceFolder = Path.Combine(
        Assembly.GetExecutingAssembly().GetCustomAttributes<AssemblyMetadataAttribute>().Single(each => each.Key == "Repository").Value!,
        "src",
        "RedisClusterOps.Core");

    public static TheoryData<string, string> Upward
    {
        get
        {
            var pairs = new TheoryData<string, string>();
            foreach (var rooms in new[] { Rooms, PlanningRooms, MigrationRooms })
            {
                for (var lower = 0; lower < rooms.Length; lower++)
                {
                    foreach (var upper in rooms.Skip(lower + 1))
                        pairs.Add(rooms[lower], upper);
                }
            }

            foreach (var room in Rooms)
                pairs.Add(room, "Reports");
            pairs.Add("Reports", "Migration");
            pairs.Add("Reports", "Membership");
            return pairs;
        }
    }

    [Theory]
    [MemberData(nameof(Upward))]
    public void A_room_does_not_depend_on_a_room_above_it(string room, string above)
    {
        var result = Types.InAssembly(Core).That().ResideInNamespaceStartingWith(Root + "." + room)
            .ShouldNot().HaveDependencyOn(Root + "." + above).GetResult();
        Assert.True(result.IsSuccessful, string.Join(", ", result.FailingTypeNames ?? []));
    }

    [Fact]
    public void Only_the_front_uses_the_front()
    {
        var front = typeof(RedisCluster).FullName!;
        var result = Types.InAssembly(Core).That().ResideInNamespaceStartingWith(Root + ".")
            .ShouldNot().HaveDependencyOn(front).GetResult();
        Assert.True(result.IsSuccessful, string.Join(", ", result.FailingTypeNames ?? []));
    }

    [Fact]
    public void Every_public_type_is_in_the_root_and_the_root_has_no_other()
    {
        Assert.All(Core.GetExportedTypes(), type => Assert.Equal(Root, type.Namespace));
        var inner = Core.GetTypes().Where(type => type is { Namespace: Root, IsPublic: false, IsNested: false });
        Assert.Empty(inner.Select(type => type.Name));
    }

    [Fact]
    public void A_namespace_is_the_folder_of_its_file()
    {
        var wrong = Files().Where(file => !file.EndsWith("IsExternalInit.cs", System.StringComparison.Ordinal)).Select(file => (
            File: Path.GetRelativePath(SourceFolder, file),
            Namespace: Regex.Match(File.ReadAllText(file), "^namespace ([\\w.]+);", RegexOptions.Multiline).Groups[1].Value));
        Assert.All(wrong, each =>
        {
            var folders = Path.GetDirectoryName(each.File)!.Split(Path.DirectorySeparatorChar).Where(part => part.Length > 0);
            Assert.Equal(string.Join('.', folders.Prepend(Root)), each.Namespace);
        });
    }

    [Fact]
    public void The_core_names_no_cmdlet()
    {
        var cmdlet = new Regex(@"\b[A-Z][a-z]+-Redis[A-Z]\w*|\bGet-Help\b");
        Assert.Empty(Files().SelectMany(file => cmdlet.Matches(File.ReadAllText(file))
            .Select(match => Path.GetFileName(file) + ": " + match.Value)));
    }

    private static IEnumerable<string> Files() => Directory.EnumerateFiles(SourceFolder, "*.cs", SearchOption.AllDirectories)
        .Where(file => !IsBuildOutput(Path.GetRelativePath(SourceFolder, file)));

    private static bool IsBuildOutput(string file) =>
        file.Split(Path.DirectorySeparatorChar)[0].StartsWith("obj", System.StringComparison.Ordinal)
            || file.StartsWith("bin", System.StringComparison.Ordinal);
}
