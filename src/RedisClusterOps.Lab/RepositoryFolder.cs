using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;

namespace RedisClusterOps.Lab;

/// <summary>Finds files of the repository from the current folder, or from the program's own, upwards.</summary>
internal static class RepositoryFolder
{
    /// <summary>The folder that holds the built module.</summary>
    /// <exception cref="LabException">The module was not built.</exception>
    public static string BuiltModule()
    {
        var module = Path.Combine("out", "RedisClusterOps");
        var root = Ancestors().FirstOrDefault(folder => File.Exists(Path.Combine(folder, module, "RedisClusterOps.psd1")))
            ?? throw new LabException("The module is not built: " + module + " is missing. Build it: dotnet build src/RedisClusterOps");
        return Path.Combine(root, module);
    }

    /// <summary>All folders from the two starting points upwards; those of the current folder first.</summary>
    public static IEnumerable<string> Ancestors()
    {
        foreach (var start in new[] { Directory.GetCurrentDirectory(), AppContext.BaseDirectory })
        {
            for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
                yield return folder.FullName;
        }
    }
}
