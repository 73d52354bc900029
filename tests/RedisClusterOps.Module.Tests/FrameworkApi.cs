using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace RedisClusterOps.Module.Tests;

/// <summary>Every type and member that a framework's reference assemblies have, by name and signature; and what of another assembly is not among them.</summary>
internal sealed class FrameworkApi
{
    private readonly Dictionary<string, (string? Base, HashSet<string> Members)> _types = new(StringComparer.Ordinal);

    /// <param name="folder">The folder of the reference assemblies.</param>
    public FrameworkApi(string folder)
    {
        foreach (var file in Directory.EnumerateFiles(folder, "*.dll"))
            Open(file, Add);
    }

    public int TypeCount => _types.Count;

    /// <summary>What an assembly uses of the platform that this framework does not have.</summary>
    /// <param name="file">The assembly.</param>
    /// <param name="isPlatform">Whether an assembly that it references is the platform, by name.</param>
    public IReadOnlyList<string> Missing(string file, Func<string, bool> isPlatform)
    {
        var missing = new SortedSet<string>(StringComparer.Ordinal);
        Open(file, reader =>
        {
            var types = reader.TypeReferences.Where(handle => isPlatform(AssemblyOf(reader, handle))).ToHashSet();
            missing.UnionWith(types.Select(handle => SignatureNames.NameOf(reader, handle)).Where(name => !_types.ContainsKey(name)));
            foreach (var member in reader.MemberReferences.Select(reader.GetMemberReference))
            {
                if (ParentOf(reader, member.Parent) is not { } parent || !types.Contains(parent))
                    continue;
                var (type, text) = (SignatureNames.NameOf(reader, parent), Describe(reader, member));
                if (_types.ContainsKey(type) && !Has(type, text, reader.GetString(member.Name)))
                    missing.Add(type + ": " + text);
            }
        });
        return [.. missing];
    }

    private static void Open(string file, Action<MetadataReader> look)
    {
        using var stream = File.OpenRead(file);
        using var image = new PEReader(stream);
        if (image.HasMetadata)
            look(image.GetMetadataReader());
    }

    private void Add(MetadataReader reader)
    {
        foreach (var handle in reader.TypeDefinitions)
        {
            var type = reader.GetTypeDefinition(handle);
            var members = new HashSet<string>(StringComparer.Ordinal);
            foreach (var method in type.GetMethods().Select(reader.GetMethodDefinition))
                members.Add(Describe(reader.GetString(method.Name), method.DecodeSignature(SignatureNames.Instance, null)));
            foreach (var field in type.GetFields().Select(reader.GetFieldDefinition))
                members.Add(field.DecodeSignature(SignatureNames.Instance, null) + " " + reader.GetString(field.Name));
            _types.TryAdd(SignatureNames.NameOf(reader, handle), (BaseOf(reader, type.BaseType), members));
        }
    }

    // Of an inherited member the base may be of other type arguments; there its name has to do.
    private bool Has(string type, string text, string name)
    {
        for (var (at, inherited) = ((string?)type, false); at is not null && _types.TryGetValue(at, out var found); (at, inherited) = (found.Base, true))
        {
            if (found.Members.Contains(text) || (inherited && found.Members.Any(member => member.Contains(" " + name + "(", StringComparison.Ordinal))))
                return true;
        }

        return false;
    }

    private static string Describe(MetadataReader reader, MemberReference member) => member.GetKind() == MemberReferenceKind.Field
        ? member.DecodeFieldSignature(SignatureNames.Instance, null) + " " + reader.GetString(member.Name)
        : Describe(reader.GetString(member.Name), member.DecodeMethodSignature(SignatureNames.Instance, null));

    private static string Describe(string name, MethodSignature<string> method) =>
        (method.Header.IsInstance ? string.Empty : "static ") + method.ReturnType + " " + name + "(" + string.Join(", ", method.ParameterTypes) + ")"
        + (method.GenericParameterCount > 0 ? "`" + method.GenericParameterCount : string.Empty);

    private static string? BaseOf(MetadataReader reader, EntityHandle handle) => handle.IsNil ? null : handle.Kind switch
    {
        HandleKind.TypeDefinition => SignatureNames.NameOf(reader, (TypeDefinitionHandle)handle),
        HandleKind.TypeReference => SignatureNames.NameOf(reader, (TypeReferenceHandle)handle),
        _ => reader.GetTypeSpecification((TypeSpecificationHandle)handle).DecodeSignature(SignatureNames.Instance, null).Split('<')[0],
    };

    private static TypeReferenceHandle? ParentOf(MetadataReader reader, EntityHandle parent) => parent.Kind switch
    {
        HandleKind.TypeReference => (TypeReferenceHandle)parent,
        HandleKind.TypeSpecification => GenericDefinition.Of(reader, (TypeSpecificationHandle)parent),
        _ => null,
    };

    private static string AssemblyOf(MetadataReader reader, TypeReferenceHandle handle)
    {
        var scope = reader.GetTypeReference(handle).ResolutionScope;
        return scope.Kind switch
        {
            HandleKind.TypeReference => AssemblyOf(reader, (TypeReferenceHandle)scope),
            HandleKind.AssemblyReference => reader.GetString(reader.GetAssemblyReference((AssemblyReferenceHandle)scope).Name),
            _ => string.Empty,
        };
    }

    /// <summary>The type that a generic instance is of; null for arrays and the like.</summary>
    private static class GenericDefinition
    {
        public static TypeReferenceHandle? Of(MetadataReader reader, TypeSpecificationHandle handle)
        {
            var blob = reader.GetBlobReader(reader.GetTypeSpecification(handle).Signature);
            if (blob.ReadSignatureTypeCode() != SignatureTypeCode.GenericTypeInstance)
                return null;
            blob.ReadCompressedInteger();
            var type = blob.ReadTypeHandle();
            return type.Kind == HandleKind.TypeReference ? (TypeReferenceHandle)type : null;
        }
    }
}
